"""A provider as tasks of this process, over a real NATS server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from workbench.errors import NoResponders
from workbench.lattice.rpc import InvocationContext, RpcClient
from workbench.lattice.trace import Tracer
from workbench.nats import Connection
from workbench.providers import (
    Health,
    Provider,
    ProviderContext,
    ProviderFailed,
    ProviderTask,
    builtin_providers,
)
from workbench.wire.jsontext import encode
from workbench.wire.records import ResolvedLink
from workbench.wire.wit.values import Ok

ID = "counter"
RPC = f"wasmbus.rpc.default.{ID}"


class Counter(Provider):
    """Writes down what happens to it."""

    wit = "package demo:count; interface counter { get: func() -> result<string, string>; }"

    def __init__(self) -> None:
        self.story: list[object] = []
        self.happened = asyncio.Event()
        self.refuse: str | None = None

    def note(self, *what: object) -> None:
        self.story.append(what[0] if len(what) == 1 else what)
        self.happened.set()

    async def on_start(self, context: ProviderContext) -> None:
        self.note("start")

    async def on_link_put(self, link: ResolvedLink) -> None:
        self.note("put", link.source_id)
        if self.refuse:
            raise ProviderFailed(self.refuse)

    async def on_link_del(self, link: ResolvedLink) -> None:
        self.note("del", link.source_id)

    async def on_config(self, config: Mapping[str, str]) -> None:
        self.note("config", dict(config))

    async def on_shutdown(self) -> None:
        self.note("shutdown")

    async def get(self, ctx: InvocationContext) -> str:
        link = self.context.link_of(ctx)
        return "no link" if link is None else self.context.config_of(link)["bucket"]

    async def until(self, *entry: object) -> None:
        wanted = entry[0] if len(entry) == 1 else entry
        async with asyncio.timeout(5):
            while wanted not in self.story:
                self.happened.clear()
                await self.happened.wait()


def link(source: str = "app", name: str = "default", **config: str) -> ResolvedLink:
    return ResolvedLink(
        source_id=source, target=ID, name=name, wit_namespace="demo", wit_package="count",
        interfaces=("counter",), target_config=config or {"bucket": "a"},
    )  # fmt: skip


@pytest.fixture
async def counter():
    return Counter()


@pytest.fixture
async def task(nc: Connection, counter: Counter):
    task = ProviderTask(
        nc, lattice="default", provider_id=ID, provider=counter, tracer=Tracer(), host_id="NHOST",
        links=(link(),), follow_links=True,
    )  # fmt: skip
    await task.start()
    yield task
    await task.stop()


async def test_it_starts_then_takes_the_links_it_was_given(task: ProviderTask, counter: Counter):
    assert counter.story == ["start", ("put", "app")]


async def test_calls_are_served_with_the_config_of_the_callers_link(
    task: ProviderTask, nc: Connection, counter: Counter
):
    await task.put_link(link("other", bucket="b"))
    function = next(iter(counter.interfaces())).functions["get"]
    client = RpcClient(nc, lattice="default", source_id="app", tracer=Tracer())
    answers = [
        await client.invoke(ID, "demo:count/counter", function, [], source_id=source)
        for source in ("app", "other", "stranger")
    ]
    await client.close()
    assert answers == [Ok("a"), Ok("b"), Ok("no link")]


async def test_health_is_answered_as_the_protocol_wants(task: ProviderTask, nc: Connection):
    reply = await nc.request(f"{RPC}.health")
    assert json.loads(reply.data) == {"healthy": True}


async def test_an_exception_in_the_health_check_is_an_unhealthy_answer(
    task: ProviderTask, nc: Connection, counter: Counter, monkeypatch: pytest.MonkeyPatch
):
    async def sick() -> Health:
        raise ConnectionError("redis is gone")

    monkeypatch.setattr(counter, "health", sick)
    reply = await nc.request(f"{RPC}.health")
    assert json.loads(reply.data) == {
        "healthy": False, "message": "ConnectionError: redis is gone",
    }  # fmt: skip


async def test_links_come_and_go_on_the_bus(task: ProviderTask, nc: Connection, counter: Counter):
    await nc.publish(f"{RPC}.linkdefs.put", encode(link("bus")))
    await counter.until("put", "bus")
    await nc.publish(f"{RPC}.linkdefs.del", encode(link("bus")))
    await counter.until("del", "bus")
    assert [state.link.source_id for state in task.links] == ["app"]


async def test_the_same_link_twice_is_one_link(task: ProviderTask, counter: Counter):
    await task.put_link(link())
    assert counter.story.count(("put", "app")) == 1


async def test_a_link_with_other_config_is_an_update(task: ProviderTask, counter: Counter):
    await task.put_link(link(bucket="z"))
    assert counter.story[2:] == [("del", "app"), ("put", "app")]
    assert [dict(known.target_config) for known in task.context.links] == [{"bucket": "z"}]


async def test_a_refused_link_is_kept_with_its_reason_and_tried_again(
    task: ProviderTask, counter: Counter
):
    counter.refuse = "no bucket"
    with pytest.raises(ProviderFailed, match="new → counter demo:count failed: no bucket"):
        await task.put_link(link("new"))
    assert task.links[1].error == "no bucket"
    assert "no bucket" in (await task.health()).message
    counter.refuse = None
    await task.put_link(link("new"))
    assert [state.error for state in task.links] == [None, None]


async def test_a_refused_link_is_not_told_of_its_deletion(task: ProviderTask, counter: Counter):
    counter.refuse = "no"
    with pytest.raises(ProviderFailed):
        await task.put_link(link("new"))
    await task.del_link(link("new"))
    assert ("del", "new") not in counter.story
    assert len(task.links) == 1


async def test_config_arrives_when_it_changed(task: ProviderTask, nc: Connection, counter: Counter):
    await nc.publish(f"{RPC}.config.update", b"{}")
    await nc.publish(f"{RPC}.config.update", b'{"a": "1"}')
    await counter.until("config", {"a": "1"})
    assert [entry for entry in counter.story if "config" in str(entry)] == [("config", {"a": "1"})]
    assert task.context.config == {"a": "1"}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"source_id": 1}', b"\xff", b"[" * 10_000])
async def test_garbage_on_any_subject_changes_nothing(
    task: ProviderTask, nc: Connection, counter: Counter, data: bytes
):
    for tail in ("linkdefs.put", "linkdefs.del", "config.update", "default.shutdown", "health"):
        await nc.publish(f"{RPC}.{tail}", data, reply=nc.new_inbox())
    assert json.loads((await nc.request(f"{RPC}.health")).data)["healthy"]
    assert not task.stopped.is_set()
    assert counter.story == ["start", ("put", "app")]


async def test_a_link_of_somebody_else_is_not_taken(task: ProviderTask, nc: Connection):
    foreign = ResolvedLink(
        source_id="a", target="b", wit_namespace="x", wit_package="y", interfaces=("z",)
    )
    with pytest.raises(ProviderFailed):
        await task.put_link(foreign)


async def test_only_the_own_host_shuts_it_down(
    task: ProviderTask, nc: Connection, counter: Counter
):
    await nc.publish(f"{RPC}.default.shutdown", b'{"host_id": "NOTHER"}', reply=nc.new_inbox())
    await nc.request(f"{RPC}.health")
    assert not task.stopped.is_set()
    reply = await nc.request(f"{RPC}.default.shutdown", b'{"host_id": "NHOST"}')
    assert reply.data == b"shutting down"
    assert counter.story[-1] == "shutdown"
    assert task.stopped.is_set()


async def test_a_stopped_provider_is_gone_from_the_bus(
    task: ProviderTask, nc: Connection, counter: Counter
):
    await task.stop()
    await task.stop()
    assert counter.story.count("shutdown") == 1
    with pytest.raises(NoResponders):
        await nc.request(f"{RPC}.health")


async def test_a_hosted_provider_takes_links_from_its_host_alone(nc: Connection, counter: Counter):
    task = ProviderTask(
        nc, lattice="default", provider_id=ID, provider=counter, tracer=Tracer(), host_id="NHOST"
    )
    await task.start()
    await nc.publish(f"{RPC}.linkdefs.put", encode(link("bus")))
    await nc.request(f"{RPC}.health")
    await task.put_link(link("host"))
    assert counter.story == ["start", ("put", "host")]
    await task.stop()


async def test_a_provider_that_refuses_its_config_leaves_nothing_behind(nc: Connection):
    class Refuses(Counter):
        async def on_start(self, context: ProviderContext) -> None:
            raise ProviderFailed("unknown routing_mode: star")

    task = ProviderTask(nc, lattice="default", provider_id=ID, provider=Refuses(), tracer=Tracer())
    with pytest.raises(ProviderFailed, match="routing_mode"):
        await task.start()
    with pytest.raises(NoResponders):
        await nc.request(f"{RPC}.health")


def test_the_http_server_comes_along():
    assert "http-server" in builtin_providers()
