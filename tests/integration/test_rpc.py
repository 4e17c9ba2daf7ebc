"""wRPC client and server of ours against each other over a real nats-server."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import connect
from workbench.errors import (
    CallError,
    CallTimeout,
    DecodeError,
    HandshakeTimeout,
    IncompleteResults,
    LimitExceeded,
    NoResponders,
    UsageError,
    ValueMismatch,
)  # fmt: skip
from workbench.lattice.rpc import ByteStream, InvocationContext, RpcClient, RpcServer
from workbench.lattice.trace import CallEvent, Phase, Side, Tracer
from workbench.nats import Connection, Server
from workbench.wire import subjects
from workbench.wire.wit.types import (
    S32,
    STRING,
    U8,
    U32,
    Function,
    Future,
    List,
    Option,
    Result,
    Stream,
    Tuple,
)  # fmt: skip
from workbench.wire.wit.values import Err, Ok

INSTANCE = "test:rpc/api@0.1.0"
ADD = Function("add", (("a", S32), ("b", S32)), S32)
ECHO = Function("echo", (("data", List(U8)),), List(U8))
GREET = Function("greet", (("name", STRING),), Result(STRING, STRING))
NOTHING = Function("nothing")
NOW = Function("now", (), STRING)
UPLOAD = Function("upload", (("body", Stream(U8)), ("name", STRING)), U32)
DOWNLOAD = Function(
    "download", (("size", U32),), Result(Tuple((Stream(U8), Future(Option(STRING)))))
)
COUNT = Function("count", (("n", U32),), Stream(U32))
PIPE = Function("pipe", (("body", Stream(U8)),), Stream(U8))


class Rig:
    """A client and a server on connections of their own."""

    def __init__(self, nc: Connection, far: Connection) -> None:
        self.nc, self.far = nc, far
        self.tracer, self.far_tracer = Tracer(), Tracer()
        self.client = RpcClient(nc, tracer=self.tracer, source_id="caller")
        self.server = RpcServer(far, tracer=self.far_tracer, params_timeout_s=0.3)

    async def serve(self, function: Function, handler: Any, id: str = "target") -> Any:
        return await self.server.serve(id, {INSTANCE: {function.name: (function, handler)}})

    async def call(self, function: Function, *args: Any, **options: Any) -> Any:
        return await self.client.invoke("target", INSTANCE, function, args, **options)


async def make_rig(server: Server) -> Rig:
    return Rig(await connect(server), await connect(server))


async def end_rig(rig: Rig) -> None:
    await rig.client.close()
    await rig.server.close()
    await rig.nc.close()
    await rig.far.close()


@pytest.fixture
async def rig(nats_server: Server) -> AsyncIterator[Rig]:
    made = await make_rig(nats_server)
    try:
        yield made
    finally:
        await end_rig(made)


@pytest.fixture
async def small_rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig on a server that takes only 4 KiB at a time."""
    server = await Server.start(max_payload=4096)
    made = await make_rig(server)
    try:
        yield made
    finally:
        await end_rig(made)
        await server.stop()


async def add(context: InvocationContext, a: int, b: int) -> int:
    return a + b


async def echo(context: InvocationContext, data: bytes) -> bytes:
    return data


async def test_a_call_gets_its_answer(rig: Rig) -> None:
    await rig.serve(ADD, add)
    assert await rig.call(ADD, 2, -70000) == -69998


async def test_functions_without_parameters_or_result_work(rig: Rig) -> None:
    async def now(context: InvocationContext) -> str:
        return "now"

    ran = asyncio.Event()

    async def nothing(context: InvocationContext) -> None:
        ran.set()

    await rig.serve(NOW, now)
    await rig.serve(NOTHING, nothing)
    assert await rig.call(NOW) == "now"
    assert await rig.call(NOTHING) is None
    assert ran.is_set()


async def test_a_wit_error_is_an_ordinary_result(rig: Rig) -> None:
    async def greet(context: InvocationContext, name: str) -> Ok | Err:
        return Err("too short") if len(name) < 3 else Ok(f"hello {name}")

    await rig.serve(GREET, greet)
    assert await rig.call(GREET, "Ada") == Ok("hello Ada")
    assert await rig.call(GREET, "X") == Err("too short")


async def test_the_handler_learns_who_calls(rig: Rig) -> None:
    seen: list[InvocationContext] = []

    async def now(context: InvocationContext) -> str:
        seen.append(context)
        return ""

    await rig.serve(NOW, now)
    await rig.call(NOW, link_name="other")
    await rig.call(NOW, role="provider", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    assert [(c.source_id, c.link_name, c.target_id) for c in seen] == [
        ("caller", "other", ""), ("caller", "default", "target"),
    ]  # fmt: skip
    assert seen[1].traceparent.startswith("00-aaaa")
    assert set(seen[0].headers) == {"source-id", "link-name"}


async def test_big_values_travel_both_ways(rig: Rig) -> None:
    data = bytes(range(256)) * 9766
    await rig.serve(ECHO, echo)
    assert len(data) > 2_500_000
    assert await rig.call(ECHO, data) == data


async def test_a_server_with_a_small_max_payload_is_respected(small_rig: Rig) -> None:
    data = bytes(100_000)
    await small_rig.serve(ECHO, echo)
    assert await small_rig.call(ECHO, data) == data
    assert await small_rig.call(ECHO, b"") == b""


async def test_very_big_values_are_paced(rig: Rig) -> None:
    data = bytes(20_000_000)
    await rig.serve(ECHO, echo)
    assert await rig.call(ECHO, data) == data


async def test_nobody_there_fails_at_once_and_says_who(rig: Rig) -> None:
    with pytest.raises(NoResponders) as caught:
        await rig.call(ADD, 1, 2)
    assert caught.value.fields["target"] == "target"
    assert caught.value.fields["instance"] == INSTANCE
    assert "add" in str(caught.value) and caught.value.hint
    assert rig.client.in_flight == 0


async def test_a_subscriber_that_does_not_answer_is_a_handshake_timeout(rig: Rig) -> None:
    subject = subjects.invocation("default", "target", INSTANCE, "add")
    tap = await rig.far.subscribe(subject, lambda message: None)
    await rig.far.flush()
    with pytest.raises(HandshakeTimeout, match="not taken up"):
        await rig.call(ADD, 1, 2, handshake_timeout_s=0.05)
    await tap.unsubscribe()


async def test_a_handler_that_never_ends_is_a_call_timeout(rig: Rig) -> None:
    async def stuck(context: InvocationContext) -> str:
        await asyncio.Event().wait()
        return ""

    await rig.serve(NOW, stuck)
    with pytest.raises(CallTimeout, match="did not answer within"):
        await rig.call(NOW, timeout_s=0.1)
    assert rig.client.in_flight == 0


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


async def test_a_result_that_does_not_fit_its_type_fails_the_call(rig: Rig) -> None:
    async def wrong(context: InvocationContext) -> Any:
        return 5

    await rig.serve(NOW, wrong)
    with pytest.raises(IncompleteResults):
        await rig.call(NOW)


async def test_a_wrong_argument_is_refused_before_anything_is_sent(rig: Rig) -> None:
    with pytest.raises(ValueMismatch):
        await rig.call(ADD, 1, "x")
    with pytest.raises(UsageError):
        await rig.call(ADD, 1)
    assert rig.client.in_flight == 0


async def test_two_sides_with_different_wit_are_told_so(rig: Rig) -> None:
    await rig.serve(ADD, add)
    other = Function("add", (("a", S32), ("b", S32), ("c", S32)), S32)
    with pytest.raises(IncompleteResults, match="same WIT"):
        await rig.call(other, 1, 2, 3)
    narrower = Function("add", (("a", S32), ("b", S32)), Option(STRING))
    with pytest.raises(DecodeError):
        await rig.call(narrower, 1, 1)


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


async def test_a_cancelled_caller_leaves_nothing_behind(rig: Rig) -> None:
    running, release = asyncio.Event(), asyncio.Event()

    async def slow(context: InvocationContext) -> str:
        running.set()
        await release.wait()
        return "late"

    served = await rig.serve(NOW, slow)
    task = asyncio.ensure_future(rig.call(NOW))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    assert await served.drain(5)
    assert not rig.server._calls
    # A later answer on the same connection: the late handshake was handled before it.
    await rig.serve(ADD, add)
    assert await rig.call(ADD, 1, 2) == 3
    assert rig.client.in_flight == 0


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


async def test_a_closed_client_fails_its_calls(rig: Rig) -> None:
    running = asyncio.Event()

    async def slow(context: InvocationContext) -> str:
        running.set()
        await asyncio.Event().wait()
        return ""

    await rig.serve(NOW, slow)
    task = asyncio.ensure_future(rig.call(NOW))
    await running.wait()
    await rig.client.close()
    with pytest.raises(CallError, match="closed"):
        await task
    with pytest.raises(CallError, match="closed"):
        await rig.call(NOW)


# ---- streams and futures

CHUNK = 50_000


async def chunks(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, CHUNK):
        yield bytes(min(CHUNK, size - start))


async def measure(context: InvocationContext, body: ByteStream, name: str) -> int:
    return sum([len(part) async for part in body])


async def test_a_stream_of_parameters_arrives_whole(rig: Rig) -> None:
    await rig.serve(UPLOAD, measure)
    assert await rig.call(UPLOAD, b"", "empty") == 0
    assert await rig.call(UPLOAD, b"x" * 300_000, "bytes") == 300_000
    assert await rig.call(UPLOAD, [b"ab", b"", b"cde"], "list") == 5
    assert await rig.call(UPLOAD, chunks(123_456), "iterator") == 123_456


async def test_a_stream_of_results_arrives_with_its_future(rig: Rig) -> None:
    async def download(context: InvocationContext, size: int) -> Ok:
        async def checksum() -> str:
            return "sum"

        return Ok((chunks(size), checksum()))

    await rig.serve(DOWNLOAD, download)
    body, checksum = (await rig.call(DOWNLOAD, 300_000)).value
    assert len(await body.read_all()) == 300_000
    assert body.clean
    assert await checksum == "sum" and await checksum == "sum"
    assert rig.client.in_flight == 0


async def test_a_stream_of_values_arrives_in_order(rig: Rig) -> None:
    async def count(context: InvocationContext, n: int) -> list[int]:
        return list(range(n))

    await rig.serve(COUNT, count)
    assert await (await rig.call(COUNT, 5000)).read_all() == list(range(5000))
    assert await (await rig.call(COUNT, 0)).read_all() == []


async def test_a_stream_may_be_answered_while_it_is_still_sent(rig: Rig) -> None:
    async def pipe(context: InvocationContext, body: ByteStream) -> ByteStream:
        return body

    await rig.serve(PIPE, pipe)
    gate: asyncio.Queue[bytes] = asyncio.Queue()

    async def source() -> AsyncIterator[bytes]:
        while part := await gate.get():
            yield part

    answer = await rig.call(PIPE, source())
    for part in (b"one", b"two"):
        gate.put_nowait(part)
        assert await anext(answer) == part
    gate.put_nowait(b"")
    assert await answer.read_all() == b""


async def test_twenty_megabytes_stream_in_constant_memory(rig: Rig) -> None:
    size = 20_000_000

    async def download(context: InvocationContext, n: int) -> Ok:
        return Ok((chunks(n), None))

    await rig.serve(UPLOAD, measure)
    await rig.serve(DOWNLOAD, download)
    tracemalloc.start()
    try:
        assert await rig.call(UPLOAD, chunks(size), "big", timeout_s=60) == size
        body, trailer = (await rig.call(DOWNLOAD, size)).value
        assert sum([len(part) async for part in body]) == size
        assert await trailer is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000


async def test_a_reader_that_is_too_slow_is_told_and_nobody_else_suffers(rig: Rig) -> None:
    client = RpcClient(rig.nc, stream_bytes=500_000)

    async def download(context: InvocationContext, n: int) -> Ok:
        return Ok((chunks(n), None))

    await rig.serve(DOWNLOAD, download)
    await rig.serve(ADD, add)
    body, trailer = (await client.invoke("target", INSTANCE, DOWNLOAD, [3_000_000])).value
    assert await trailer is None
    assert await rig.call(ADD, 1, 2) == 3
    with pytest.raises(LimitExceeded, match="too slowly"):
        await body.read_all()
    await client.close()


async def test_a_source_that_raises_fails_the_call_with_its_own_error(rig: Rig) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError("disk on fire")

    ended = asyncio.Event()

    async def upload(context: InvocationContext, body: ByteStream, name: str) -> int:
        data = await body.read_all()
        assert not body.clean
        ended.set()
        return len(data)

    await rig.serve(UPLOAD, upload)
    with pytest.raises(OSError, match="disk on fire"):
        await rig.call(UPLOAD, broken(), "x")
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_result_stream_whose_source_raises_ends_unclean(rig: Rig) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError("disk on fire")

    async def download(context: InvocationContext, n: int) -> Ok:
        return Ok((broken(), None))

    await rig.serve(DOWNLOAD, download)
    body, _ = (await rig.call(DOWNLOAD, 1)).value
    assert await body.read_all() == b"x"
    assert not body.clean


async def test_a_stream_that_falls_silent_fails_after_its_idle_time(rig: Rig) -> None:
    async def download(context: InvocationContext, n: int) -> Ok:
        async def silent() -> AsyncIterator[bytes]:
            yield b"x"
            await asyncio.Event().wait()

        return Ok((silent(), None))

    await rig.serve(DOWNLOAD, download)
    body, _ = (await rig.call(DOWNLOAD, 1, stream_idle_s=0.1)).value
    with pytest.raises(CallTimeout, match="nothing arrived"):
        await body.read_all()
    assert rig.client.in_flight == 0


async def test_a_caller_that_dies_within_a_stream_does_not_hold_the_handler(rig: Rig) -> None:
    server = RpcServer(rig.far, stream_idle_s=0.1)
    ended: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def upload(context: InvocationContext, body: ByteStream, name: str) -> int:
        try:
            return len(await body.read_all())
        except CallTimeout as error:
            ended.set_result(error)
            raise

    served = await server.serve("target", {INSTANCE: {"upload": (UPLOAD, upload)}})
    subject = subjects.invocation("default", "target", INSTANCE, "upload")
    await rig.nc.publish(subject, b"\x00\x01x", reply=rig.nc.new_inbox())
    async with asyncio.timeout(5):
        assert "nothing arrived" in str(await ended)
        assert await served.drain(5)
    await server.close()


async def test_a_stream_that_nobody_reads_can_be_closed(rig: Rig) -> None:
    async def download(context: InvocationContext, n: int) -> Ok:
        return Ok((chunks(n), None))

    await rig.serve(DOWNLOAD, download)
    body, trailer = (await rig.call(DOWNLOAD, 200_000)).value
    await body.aclose()
    assert await trailer is None
    assert await body.read_all() == b""
    assert rig.client.in_flight == 0


# ---- traces


async def test_both_sides_report_a_call_under_one_trace(rig: Rig) -> None:
    events: list[CallEvent] = []
    rig.tracer.subscribe(events.append)
    rig.far_tracer.subscribe(events.append)
    await rig.serve(ADD, add)
    await rig.call(ADD, 2, 3)
    near = [e for e in events if e.side is Side.CALLER]
    far = [e for e in events if e.side is Side.CALLEE]
    assert [e.phase for e in near] == [
        Phase.STARTED, Phase.HANDSHAKE, Phase.FIRST_BYTE, Phase.COMPLETED,
    ]  # fmt: skip
    assert [e.phase for e in far] == [Phase.STARTED, Phase.HANDSHAKE, Phase.COMPLETED]
    assert {e.params for e in events if e.phase is Phase.STARTED} == {(2, 3)}
    assert {e.result for e in events if e.phase is Phase.COMPLETED} == {5}
    assert len({e.traceparent for e in events}) == 1 and events[0].traceparent
    assert {(e.source, e.target, e.function) for e in events} == {("caller", "target", "add")}
    assert (near[-1].request_bytes, near[-1].response_bytes) == (2, 1)


async def test_a_failure_is_reported_with_its_exception(rig: Rig) -> None:
    failures: list[CallEvent] = []

    def keep(event: CallEvent) -> None:
        if event.phase is Phase.FAILED:
            failures.append(event)

    rig.tracer.subscribe(keep)
    rig.far_tracer.subscribe(keep)

    async def boom(context: InvocationContext) -> str:
        raise RuntimeError("reason")

    await rig.serve(NOW, boom)
    with pytest.raises(IncompleteResults):
        await rig.call(NOW)
    assert {type(e.error) for e in failures} == {RuntimeError, IncompleteResults}


async def test_bodies_of_streams_are_not_captured(rig: Rig) -> None:
    events: list[CallEvent] = []
    rig.tracer.subscribe(events.append)
    rig.far_tracer.subscribe(events.append)
    await rig.serve(UPLOAD, measure)
    await rig.call(UPLOAD, b"private" * 100, "name")
    for event in events:
        if event.params is not None:
            assert repr(event.params) == "(<stream<u8>>, 'name')"


async def test_a_given_trace_goes_on_as_a_child(rig: Rig) -> None:
    seen: list[str] = []

    async def now(context: InvocationContext) -> str:
        seen.append(context.traceparent)
        return ""

    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-00"
    await rig.serve(NOW, now)
    await rig.call(NOW, traceparent=parent)
    rig.tracer.subscribe(lambda event: None)
    await rig.call(NOW, traceparent=parent)
    await rig.call(NOW)
    assert seen[0] == parent
    assert seen[1][:36] == parent[:36] and seen[1][36:52] != "b" * 16 and seen[1].endswith("-00")
    assert seen[2].startswith("00-") and len(seen[2]) == 55
