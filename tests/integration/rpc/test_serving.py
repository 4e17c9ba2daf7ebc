"""The serving side: bad callers, slots, queue groups and the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.conftest import connect
from tests.integration.rpc.rig import ADD, ECHO, GREET, INSTANCE, NOW, Rig, add, echo
from workbench.errors import CallTimeout, HandshakeTimeout, IncompleteResults, NoResponders
from workbench.lattice.rpc import InvocationContext, RpcClient, RpcServer
from workbench.lattice.trace import Phase
from workbench.nats import Connection, Server
from workbench.wire import subjects
from workbench.wire.wit.values import Ok


async def test_a_server_with_a_small_max_payload_is_respected(small_rig: Rig) -> None:
    data = bytes(100_000)
    await small_rig.serve(ECHO, echo)
    assert await small_rig.call(ECHO, data) == data
    assert await small_rig.call(ECHO, b"") == b""


async def test_a_handler_that_raises_gives_incomplete_results_and_the_server_lives(
    rig: Rig,
) -> None:
    async def boom(context: InvocationContext) -> str:
        raise RuntimeError("a secret reason")

    await rig.serve(NOW, boom)
    await rig.serve(ADD, add)
    with pytest.raises(IncompleteResults) as caught:
        await rig.call(NOW)
    assert "secret" not in str(caught.value)
    assert await rig.call(ADD, 1, 2) == 3


async def test_garbage_never_ends_the_server(rig: Rig) -> None:
    await rig.serve(GREET, lambda context, name: asyncio.sleep(0, Ok(name)))
    subject = subjects.invocation("default", "target", INSTANCE, "greet")
    inbox = rig.nc.new_inbox()
    for data in (b"\xff\xff\xff\xff\x0f", b"\x02\xff\xfe", b"\x05ab", b"", bytes(100)):
        rig.nc.publish_nowait(subject, data, reply=inbox)
        rig.nc.publish_nowait(subject, data)
    assert await rig.call(GREET, "Ada") == Ok("Ada")
    for call in list(rig.server._calls.values()):
        rig.nc.publish_nowait(f"{call.machine.inbox}.params.0.x", b"\x01")
        rig.nc.publish_nowait(f"{call.machine.inbox}.params", b"\xff" * 10)
    assert await rig.call(GREET, "Bob") == Ok("Bob")


async def test_a_caller_that_leaves_half_way_frees_the_server(rig: Rig) -> None:
    failed = asyncio.Event()
    rig.far_tracer.subscribe(lambda e: failed.set() if e.phase is Phase.FAILED else None)
    await rig.serve(GREET, add)
    subject = subjects.invocation("default", "target", INSTANCE, "greet")
    await rig.nc.publish(subject, b"\x05ab", reply=rig.nc.new_inbox())
    async with asyncio.timeout(5):
        await failed.wait()
    assert not rig.server._calls


async def test_stopping_a_server_answers_its_running_calls(rig: Rig) -> None:
    running = asyncio.Event()

    async def slow(context: InvocationContext) -> str:
        running.set()
        await asyncio.Event().wait()
        return ""

    served = await rig.serve(NOW, slow)
    task = asyncio.ensure_future(rig.call(NOW))
    await running.wait()
    await served.stop()
    with pytest.raises(IncompleteResults):
        await task
    with pytest.raises(NoResponders):
        await rig.call(NOW)


async def test_draining_lets_running_calls_end(rig: Rig) -> None:
    running, release = asyncio.Event(), asyncio.Event()

    async def slow(context: InvocationContext) -> str:
        running.set()
        await release.wait()
        return "done"

    served = await rig.serve(NOW, slow)
    task = asyncio.ensure_future(rig.call(NOW))
    await running.wait()
    stopping = asyncio.ensure_future(served.stop(drain_s=5))
    await asyncio.sleep(0)
    release.set()
    assert await task == "done"
    await stopping


async def test_two_servers_of_one_id_share_the_calls(rig: Rig, nats_server: Server) -> None:
    ran = [0, 0]

    def counting(index: int) -> Any:
        async def handler(context: InvocationContext, a: int, b: int) -> int:
            ran[index] += 1
            return a + b

        return handler

    third = await connect(nats_server)
    other = RpcServer(third)
    await rig.serve(ADD, counting(0))
    await other.serve("target", {INSTANCE: {"add": (ADD, counting(1))}})
    await asyncio.gather(*(rig.call(ADD, 1, 1) for _ in range(60)))
    assert sum(ran) == 60 and min(ran) > 0
    await other.close()
    await third.close()


async def test_more_calls_than_slots_wait_for_one(rig: Rig) -> None:
    peak = now = 0
    server = RpcServer(rig.far, max_in_flight=4)

    async def handler(context: InvocationContext, a: int, b: int) -> int:
        nonlocal peak, now
        now += 1
        peak = max(peak, now)
        await asyncio.sleep(0.002)
        now -= 1
        return a + b

    await server.serve("target", {INSTANCE: {"add": (ADD, handler)}})
    assert await asyncio.gather(*(rig.call(ADD, i, i) for i in range(40))) == [
        2 * i for i in range(40)
    ]
    assert peak == 4
    await server.close()


# ---- gates


class Turnstile:
    """A gate of one place that refuses callers by name."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()
        self.asked: list[str] = []

    def enter(self) -> None:
        return None

    async def wait(self, context: InvocationContext) -> Turnstile:
        self.asked.append(context.source_id)
        if context.source_id == "stranger":
            raise PermissionError("strangers may not")
        await self.free.wait()
        self.free.clear()
        return self

    def release(self) -> None:
        self.free.set()


async def test_a_refused_call_has_its_handshake_and_no_answer_and_the_next_goes_on(
    rig: Rig,
) -> None:
    gate, errors = Turnstile(), []
    rig.far_tracer.subscribe(lambda event: errors.append(event.error), (Phase.FAILED,))

    async def admitted(context: InvocationContext, a: int, b: int) -> int:
        assert context.place is gate
        gate.release()
        return a + b

    await rig.server.serve("target", {INSTANCE: {"add": (ADD, admitted)}}, gate=gate)
    refused = asyncio.ensure_future(rig.call(ADD, 1, 2, source_id="stranger"))
    await asyncio.sleep(0)  # its request goes first
    assert await rig.call(ADD, 1, 2) == 3
    with pytest.raises(IncompleteResults):
        await refused
    assert gate.asked == ["stranger", "caller"]
    assert isinstance(errors[0], PermissionError)


async def test_stopping_answers_those_that_wait_at_the_gate_and_behind_it(rig: Rig) -> None:
    gate = Turnstile()
    gate.free.clear()
    served = await rig.server.serve("target", {INSTANCE: {"add": (ADD, add)}}, gate=gate)
    calls = [asyncio.ensure_future(rig.call(ADD, 1, 2)) for _ in range(3)]
    while served.held < 2:
        await rig.nc.flush()
    assert served.in_flight == 1
    await served.stop()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [IncompleteResults] * 3
    assert not rig.server._calls and served.held == 0


async def test_a_member_of_the_group_that_is_busy_still_gets_its_share_and_holds_it(
    rig: Rig, nats_server: Server
) -> None:
    busy, third = Turnstile(), await connect(nats_server)
    busy.free.clear()
    held = await rig.server.serve("target", {INSTANCE: {"add": (ADD, add)}}, gate=busy)
    other = RpcServer(third)
    await other.serve("target", {INSTANCE: {"add": (ADD, add)}})
    short: dict[str, Any] = {"timeout_s": 0.3, "handshake_timeout_s": 0.3}
    outcomes = await asyncio.gather(
        *(rig.call(ADD, 1, 2, **short) for _ in range(30)), return_exceptions=True
    )
    kinds = Counter(type(outcome) for outcome in outcomes)
    # NATS knows nothing of gates: what it gave to the busy member stays there.
    assert kinds[int] > 0 and kinds[CallTimeout] == 1
    assert kinds[HandshakeTimeout] == held.held == 29 - kinds[int]
    await other.close()
    await third.close()


async def test_a_place_is_given_back_by_a_call_that_ends_before_it_runs(rig: Rig) -> None:
    gate = Turnstile()
    await rig.server.serve("target", {INSTANCE: {"add": (ADD, add)}}, gate=gate)
    subject = subjects.invocation("default", "target", INSTANCE, "add")
    # One of two parameters, and then the end.
    inbox = rig.nc.new_inbox()
    failed = asyncio.Event()
    rig.far_tracer.subscribe(lambda event: failed.set(), (Phase.FAILED,))
    await rig.nc.subscribe_direct(
        inbox, lambda message: rig.nc.publish_nowait(f"{message.reply}.params")
    )
    rig.nc.publish_nowait(subject, b"\x01", reply=inbox)
    async with asyncio.timeout(5):
        await failed.wait()
        await gate.free.wait()


async def test_clients_and_servers_of_one_connection_share_one_inbox_subscription(
    nats_server: Server, nc: Connection
) -> None:
    await nc.flush()
    before = len(nc._client._subs)
    server = RpcServer(nc)
    await server.serve("target", {INSTANCE: {"add": (ADD, add)}})
    clients = [RpcClient(nc), RpcClient(nc)]
    for client in clients:
        assert await client.invoke("target", INSTANCE, ADD, (1, 2)) == 3
    with pytest.raises(NoResponders):
        await nc.request("nobody")
    assert len(nc._client._subs) == before + 2  # the inbox, and the one function
    await asyncio.gather(*(client.close() for client in clients), server.close())
    assert len(nc.inbox.receivers) == 0
