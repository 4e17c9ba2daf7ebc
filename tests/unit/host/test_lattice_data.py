import asyncio

import pytest

from workbench.host.failures import StepFailed
from workbench.host.lattice_data import LatticeData, SpecObserver
from workbench.wire.records import ClaimsRecord, ComponentSpec, Link


class Seen(SpecObserver):
    def __init__(self):
        self.specs = []
        self.claims = []
        self.news = asyncio.Event()

    def spec_delivered(self, component_id, spec):
        self.specs.append((component_id, spec))
        self.news.set()

    def claims_delivered(self, record):
        self.claims.append(record)
        self.news.set()

    async def until(self, count):
        while len(self.specs) + len(self.claims) < count:
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 5)


@pytest.fixture
async def bucket(nc):
    return await nc.js.bucket("LATTICEDATA_default", create={})


@pytest.fixture
async def seen():
    return Seen()


@pytest.fixture
async def data(bucket, seen):
    data = LatticeData(seen)
    data.use(bucket)
    yield data
    await data.stop()


def link(target):
    return Link(source_id="a", target=target, wit_namespace="n", wit_package="p", interfaces=("i",))


def adding(one):
    def change(spec):
        spec = spec or ComponentSpec(url="")
        return ComponentSpec(spec.url, (*spec.links, one)), None

    return change


async def test_what_was_there_is_delivered_before_start_returns(bucket, data, seen):
    await bucket.put("COMPONENT_a_b", b'{"url":"u"}')
    await data.start()
    assert seen.specs == [("a_b", ComponentSpec(url="u"))]


async def test_an_empty_bucket_is_loaded_too(data, seen):
    await data.start()
    assert seen.specs == []


async def test_a_spec_is_created_once_and_its_url_never_changes(data, seen):
    await data.start()
    assert (await data.ensure_spec("a", "one")).url == "one"
    assert (await data.ensure_spec("a", "two")).url == "one"
    await seen.until(2)
    assert [spec.url for _, spec in seen.specs] == ["one", "one"]


async def test_concurrent_changes_of_two_hosts_lose_nothing(bucket, data):
    other = LatticeData(SpecObserver())
    other.use(bucket)
    await asyncio.gather(
        *(data.change_spec("a", adding(link(f"x{i}"))) for i in range(10)),
        *(other.change_spec("a", adding(link(f"y{i}"))) for i in range(10)),
    )
    spec = await data.ensure_spec("a", "")
    assert len(spec.links) == 20


async def test_a_bad_value_is_ignored_and_the_next_one_arrives(bucket, data, seen):
    await data.start()
    await bucket.put("COMPONENT_a", b"{not json")
    await bucket.put("JUNK", b"\xff")
    await bucket.put("COMPONENT_b", b'{"url":"u","links":[]}')
    await seen.until(1)
    assert [name for name, _ in seen.specs] == ["b"]


async def test_a_delete_marker_leaves_everything_as_it_is(bucket, data, seen):
    await data.start()
    await data.ensure_spec("a", "u")
    await bucket.delete("COMPONENT_a")
    await data.ensure_spec("b", "u")
    await seen.until(2)
    assert [name for name, _ in seen.specs] == ["a", "b"]


async def test_a_deleted_spec_can_be_made_anew(bucket, data):
    await data.ensure_spec("a", "old")
    await bucket.delete("COMPONENT_a")
    assert (await data.ensure_spec("a", "new")).url == "new"


async def test_claims_under_another_subject_are_ignored(bucket, data, seen):
    await data.start()
    record = ClaimsRecord(
        call_alias="", issuer="A", name="n", revision="0", subject="M1", tags=(), version="1"
    )
    await data.put_claims(record)
    await seen.until(1)
    entry = await bucket.get("CLAIMS_M1")
    await bucket.put("CLAIMS_M2", entry.value)
    await data.ensure_spec("end", "")
    await seen.until(2)
    assert seen.claims == [record]


async def test_a_key_that_nats_refuses_is_a_failed_step(data):
    with pytest.raises(StepFailed, match="failed to get component spec"):
        await data.ensure_spec("a b", "u")


async def test_a_stored_value_that_is_no_spec_is_not_overwritten(bucket, data):
    await bucket.put("COMPONENT_a", b"[]")
    with pytest.raises(StepFailed, match="failed to get component spec"):
        await data.change_spec("a", adding(link("x")))
    assert (await bucket.get("COMPONENT_a")).value == b"[]"
