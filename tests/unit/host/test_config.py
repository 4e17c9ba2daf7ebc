import asyncio

import pytest

from workbench.errors import NatsError
from workbench.host.config import ConfigStore
from workbench.host.failures import StepFailed, error_chain


@pytest.fixture
async def store(nc):
    configs = ConfigStore()
    configs.use(await nc.js.bucket("CONFIGDATA_default", create={}))
    yield configs
    await configs.stop()


async def test_later_names_win_key_by_key(store):
    await store.put("a", b'{"x":"1","y":"1"}')
    await store.put("b", b'{"y":"2"}')
    bundle = await store.bundle(["a", "b"])
    assert bundle.values == {"x": "1", "y": "2"}
    assert await store.values(["b", "a"]) == {"x": "1", "y": "1"}


async def test_a_change_reaches_the_bundle_and_its_owner(store):
    await store.put("a", b'{"x":"1"}')
    changed = asyncio.Event()
    bundle = await store.bundle(["a"], changed.set)
    await store.put("a", b'{"x":"2"}')
    await asyncio.wait_for(changed.wait(), 5)
    assert bundle.values == {"x": "2"}


async def test_a_deleted_config_counts_as_empty(store):
    await store.put("a", b'{"x":"1"}')
    changed = asyncio.Event()
    bundle = await store.bundle(["a"], changed.set)
    await store.delete("a")
    await asyncio.wait_for(changed.wait(), 5)
    assert bundle.values == {}


async def test_a_value_that_is_no_string_map_leaves_the_old_one(store):
    await store.put("a", b'{"x":"1"}')
    await store.put("end", b"{}")
    changed = asyncio.Event()
    bundle = await store.bundle(["a"])
    end = await store.bundle(["end"], changed.set)
    await store.put("a", b"[1]")
    await store.put("end", b'{"done":"yes"}')
    await asyncio.wait_for(changed.wait(), 5)
    assert bundle.values == {"x": "1"} and end.values == {"done": "yes"}


async def test_a_closed_bundle_is_left_alone(store):
    await store.put("a", b'{"x":"1"}')
    changed = asyncio.Event()
    closed = await store.bundle(["a"])
    closed.close()
    await store.bundle(["a"], changed.set)
    await store.put("a", b'{"x":"2"}')
    await asyncio.wait_for(changed.wait(), 5)
    assert closed.values == {"x": "1"}


async def test_a_missing_config_fails_a_start_with_the_real_text(store):
    with pytest.raises(StepFailed) as caught:
        await store.start_bundle(["nope"])
    assert error_chain(caught.value) == (
        "Unable to fetch requested config: Config nope does not exist"
    )


async def test_a_corrupt_config_fails_a_start_with_the_real_text(store):
    await store.put("bad", b'{"x":1}')
    with pytest.raises(StepFailed) as caught:
        await store.start_bundle(["bad"])
    assert error_chain(caught.value).startswith(
        "Unable to fetch requested config: Data corruption error, unable to decode data from store"
    )


async def test_secrets_are_refused_without_a_secret_store(store):
    with pytest.raises(StepFailed, match="secret store not configured"):
        await store.start_bundle(["SECRET_x"])


async def test_a_store_that_is_not_open_says_so():
    with pytest.raises(NatsError, match="not open"):
        await ConfigStore().get("a")
