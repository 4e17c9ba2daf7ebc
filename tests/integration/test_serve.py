"""Python functions served on a lattice: called by `invoke`, by components, and by plain clients."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import workbench
from tests.conftest import connect
from workbench import aio
from workbench.authoring.wat import component_from_wat
from workbench.errors import (
    HandshakeTimeout,
    IncompleteResults,
    NoResponders,
    NotFound,
    ReadOnly,
    UsageError,
    ValueMismatch,
    WitError,
)
from workbench.lattice.rpc import InvocationContext, RpcClient
from workbench.nats import Server
from workbench.wire import subjects
from workbench.wire.wit.values import Case, Err, Ok

HERE = Path(__file__).parent
SHOP = """
package demo:shop@1.0.0;
interface stock {
  record item { name: string, price-cents: u32, tags: list<string> }
  variant problem { sold-out, other(string) }
  find-item: func(name: string) -> result<item, problem>;
  count: func() -> u32;
  forget: func(name: string);
}
interface audit { who: func() -> tuple<string, string>; }
interface pipes {
  upload: func(data: stream<u8>) -> u32;
  download: func(size: u32) -> stream<u8>;
  numbers: func(n: u32) -> stream<u32>;
  later: func(x: u32) -> future<result<u32, string>>;
  store: func(data: stream<u8>) -> result<future<result<_, string>>, string>;
}
"""
STOCK = "demo:shop/stock@1.0.0"
AUDIT = "demo:shop/audit@1.0.0"
PIPES = "demo:shop/pipes@1.0.0"


class Stock:
    """An implementation as a person would write it."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    async def find_item(self, name: str) -> Any:
        if name == "none":
            raise WitError(Case("sold-out"))
        if name == "odd":
            raise WitError("nonsense")
        return {"name": name, "price_cents": 250, "tags": ["new"]}

    def count(self) -> int:
        return 3

    def forget(self, name: str) -> None:
        self.forgotten.append(name)


@pytest.fixture
async def lattice() -> AsyncIterator[aio.Lattice]:
    async with await aio.up(hosts=0, wadm=False) as running:
        yield running


async def test_an_object_answers_with_typed_values(lattice: aio.Lattice) -> None:
    stock = Stock()
    served = await lattice.serve("shop", {STOCK: stock}, wit=SHOP)
    item = await lattice.invoke("shop", "demo:shop/stock.find-item", "tea")
    assert (item.name, item.price_cents, item.tags) == ("tea", 250, ["new"])
    assert await lattice.invoke("shop", "stock.count") == 3
    assert await lattice.invoke("shop", "forget", name="x") is None
    assert stock.forgotten == ["x"]
    assert served.in_flight == 0


async def test_raising_wit_error_gives_the_error_side(lattice: aio.Lattice) -> None:
    await lattice.serve("shop", {STOCK: Stock}, wit=SHOP)
    with pytest.raises(WitError) as caught:
        await lattice.invoke("shop", "find-item", "none")
    assert caught.value.payload == Case("sold-out")


async def test_a_mapping_of_functions_may_use_any_spelling(lattice: aio.Lattice) -> None:
    async def find(name: str) -> Any:
        return Ok({"name": name, "price-cents": 1, "tags": ()})

    functions = {"find-item": find, "count": lambda: 7, "forget": print}
    await lattice.serve("shop", {STOCK: functions}, wit=SHOP)
    assert (await lattice.invoke("shop", "find-item", "a")).price_cents == 1
    assert await lattice.invoke("shop", "count") == 7


async def test_several_interfaces_are_served_under_one_id_and_stopped_together(
    lattice: aio.Lattice,
) -> None:
    def who(ctx: InvocationContext) -> tuple[str, str]:
        return ctx.source_id, ctx.link_name

    async with await lattice.serve("shop", {STOCK: Stock, AUDIT: {"who": who}}, wit=SHOP) as served:
        assert await lattice.invoke("shop", "who", link_name="second") == ("workbench", "second")
        assert await lattice.invoke("shop", "count") == 3
        assert list(served.interfaces) == [STOCK, AUDIT]
        function = served.interfaces[STOCK].functions["count"]
    with pytest.raises(NotFound):
        await lattice.invoke("shop", "count")
    with pytest.raises(NoResponders):
        await lattice.calls.rpc.invoke("shop", STOCK, function)
    await served.stop()


async def test_a_context_may_be_asked_for_by_name_by_type_or_as_keyword(
    lattice: aio.Lattice,
) -> None:
    def typed(call: InvocationContext) -> tuple[str, str]:
        return "typed", call.target

    async def keyword(*, context: Any) -> tuple[str, str]:
        return "keyword", context.target

    for id, who in (("a", typed), ("b", keyword)):
        await lattice.serve(id, {AUDIT: {"who": who}}, wit=SHOP)
        assert (await lattice.invoke(id, "who"))[1] == id


async def test_a_slow_plain_function_blocks_neither_the_lattice_nor_its_other_calls(
    lattice: aio.Lattice,
) -> None:
    loop_thread, release = threading.get_ident(), threading.Event()
    threads: list[int] = []
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def count() -> int:
        threads.append(threading.get_ident())
        loop.call_soon_threadsafe(began.set)
        assert release.wait(10)
        return 1

    functions = {"find_item": lambda name: {"name": name, "price_cents": 0, "tags": []},
                 "count": count, "forget": lambda name: None}  # fmt: skip
    await lattice.serve("shop", {STOCK: functions}, wit=SHOP)
    slow = asyncio.ensure_future(lattice.invoke("shop", "count"))
    await asyncio.wait_for(began.wait(), 5)
    assert (await lattice.invoke("shop", "find-item", "quick")).name == "quick"
    assert not slow.done()
    release.set()
    assert await slow == 1
    assert threads[0] != loop_thread


async def test_a_wrong_return_value_is_told_here_and_ends_the_call_there(
    lattice: aio.Lattice, caplog: pytest.LogCaptureFixture
) -> None:
    await lattice.serve("shop", {STOCK: Stock}, wit=SHOP)
    with pytest.raises(ValueMismatch, match=r"what Stock\.find_item returned.*fit find-item"):
        await lattice.invoke("shop", "find-item", "odd")
    assert "Stock.find_item" in caplog.text
    (failed,) = [call for call in lattice.traffic() if not call.ok]
    assert isinstance(failed.error, ValueMismatch)
    # A caller elsewhere sees what the wire carries: an answer that ends before it began.
    far = await connect(lattice._embedded.server)  # type: ignore[union-attr]
    client = RpcClient(far)
    function = (await lattice.function("shop", "find-item"))[1]
    with pytest.raises(IncompleteResults):
        await client.invoke("shop", STOCK, function, ["odd"])
    await client.close()
    await far.close()


async def test_an_exception_reaches_the_log_and_the_caller_of_this_process(
    lattice: aio.Lattice, caplog: pytest.LogCaptureFixture
) -> None:
    def count() -> int:
        raise LookupError("no such shelf")

    functions = {"find_item": print, "count": count, "forget": print}
    await lattice.serve("shop", {STOCK: functions}, wit=SHOP)
    with caplog.at_level(logging.WARNING), pytest.raises(IncompleteResults):
        await lattice.invoke("shop", "count")
    assert "no such shelf" in caplog.text
    assert isinstance(lattice.traffic()[-1].error, LookupError)


@pytest.mark.parametrize(
    ("implementation", "says"),
    [
        ({"count": print, "forget": print}, r"lacks find_item\(name\)"),
        ({"count": print, "forget": print, "find_itme": print}, "did you mean 'find_itme'"),
        ({"count": print, "forget": print, "find_item": print, "extra": print}, "has no extra"),
        ({"count": lambda a: a, "forget": print, "find_item": print}, "does not take what count"),
        (type("Bare", (), {"__init__": lambda self, x: None}), "can't be made without arguments"),
        (object(), r"lacks find_item\(name\), count\(\), forget\(name\)"),
    ],
)
async def test_what_does_not_fit_the_interface_is_refused_at_once_with_names(
    lattice: aio.Lattice, implementation: Any, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        await lattice.serve("shop", {STOCK: implementation}, wit=SHOP)
    assert lattice.state.served == {}


async def test_ids_interfaces_and_nothing_at_all_are_checked(lattice: aio.Lattice) -> None:
    await lattice.serve("shop", {AUDIT: {"who": lambda: ("", "")}}, wit=SHOP)
    for id, functions in (("shop", {STOCK: Stock}), ("a.b", {STOCK: Stock}), ("x", {}), ("x", 5)):
        with pytest.raises(UsageError):
            await lattice.serve(id, functions, wit=SHOP)
    with pytest.raises(NotFound, match="WIT of 'no:such/thing'"):
        await lattice.serve("y", {"no:such/thing": {}})


async def test_interfaces_come_from_files_and_from_the_bundled_packages(
    lattice: aio.Lattice, tmp_path: Path
) -> None:
    (tmp_path / "shop.wit").write_text(SHOP)
    await lattice.serve("a", {STOCK: Stock}, wit=tmp_path)
    await lattice.serve("b", {"demo:shop/stock": Stock}, wit=str(tmp_path / "shop.wit"))
    assert await lattice.invoke("a", "count") == await lattice.invoke("b", "count") == 3

    async def handle_message(msg: Any) -> None:
        assert msg.body == b"hello"

    handler = {"handle-message": handle_message}
    await lattice.serve("c", {"wasmcloud:messaging/handler@0.2.0": handler})
    message = {"subject": "s", "body": b"hello"}
    assert await lattice.invoke("c", "handle-message", message) is None


async def test_an_object_with_wit_of_its_own_needs_no_more(lattice: aio.Lattice) -> None:
    class Named:
        wit = "package a:b; interface greet { hello: func(name: string) -> string; }"

        def hello(self, ctx: Any, name: str) -> str:
            return f"{ctx.source_id} greets {name}"

    await lattice.serve("greeter", Named())
    assert await lattice.invoke("greeter", "hello", "Ada") == "workbench greets Ada"


async def test_the_queue_group_is_that_of_the_lattice_and_the_id(
    lattice: aio.Lattice,
) -> None:
    await lattice.serve("shop", {STOCK: Stock}, wit=SHOP)
    far = await connect(lattice._embedded.server)  # type: ignore[union-attr]
    seen: list[str] = []
    subject = subjects.invocation("default", "shop", STOCK, "count")
    await far.subscribe_direct(subject, lambda m: seen.append(m.subject), queue="default.shop")
    await far.flush()
    function = (await lattice.function("shop", "count"))[1]
    outcomes = await asyncio.gather(
        *(lattice.calls.rpc.invoke("shop", STOCK, function, timeout_s=1, handshake_timeout_s=1)
          for _ in range(30)),
        return_exceptions=True,
    )  # fmt: skip
    # The other member of the group takes its share and never answers.
    assert len(seen) == sum(outcome != 3 for outcome in outcomes)
    assert 0 < len(seen) < 30
    await far.close()


async def test_it_is_shown_in_graph_and_traffic_as_what_it_is(lattice: aio.Lattice) -> None:
    await lattice.add_host()
    served = await lattice.serve("shop", {STOCK: Stock}, wit=SHOP)
    await lattice.put_link("front", "shop", "demo:shop/stock")
    graph = lattice.to_networkx()
    node = graph.nodes["client:shop"]
    assert node["kind"] == "client" and node["status"] == "running"
    assert node["detail"]["interfaces"] == STOCK
    assert "Python functions" in node["detail"]["note"]
    assert graph.has_edge("missing:front", "client:shop")
    (finding,) = lattice.explain("front", "shop", "demo:shop/stock")
    assert "'front'" in finding.text
    await lattice.invoke("shop", "count")
    call = lattice.traffic()[-1]
    assert (call.source, call.target, call.function, call.result) == (
        "workbench", "shop", "count", 3,
    )  # fmt: skip
    assert call.sides == {"caller", "callee"}
    await served.stop()
    assert "client:shop" not in lattice.to_networkx()


async def test_stopping_lets_a_running_call_end(lattice: aio.Lattice) -> None:
    began, release = asyncio.Event(), asyncio.Event()

    async def who() -> tuple[str, str]:
        began.set()
        await release.wait()
        return "done", ""

    served = await lattice.serve("a", {AUDIT: {"who": who}}, wit=SHOP)
    call = asyncio.ensure_future(lattice.invoke("a", "who"))
    await began.wait()
    stopping = asyncio.ensure_future(served.stop())
    await asyncio.sleep(0)
    release.set()
    assert await call == ("done", "")
    await stopping


async def test_a_lattice_that_was_joined_read_only_serves_nothing(nats_server: Server) -> None:
    options: Any = {"user": nats_server.user, "password": nats_server.password}
    async with await aio.connect(nats_server.url, **options) as joined:
        with pytest.raises(ReadOnly, match="joined read-only"):
            await joined.serve("shop", {STOCK: Stock}, wit=SHOP)
    async with await aio.connect(nats_server.url, writable=True, **options) as joined:
        await joined.serve("shop", {STOCK: Stock}, wit=SHOP)
        assert await joined.invoke("shop", "count") == 3


# ---- streams and futures


class Pipes:
    async def upload(self, data: Any) -> int:
        return sum([len(part) async for part in data])

    async def download(self, size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 1000):
            yield bytes(min(1000, size - start))

    async def numbers(self, n: int) -> AsyncIterator[int]:
        for number in range(n):
            yield number

    async def later(self, x: int) -> Any:
        async def value() -> Any:
            return {"ok": x + 1} if x else {"err": "zero"}

        return value()

    async def store(self, data: Any) -> Any:
        async def stored() -> Any:
            return {"err": "full"} if len(await data.read_all()) > 10 else Ok()

        return stored()


class PlainPipes:
    """The same without a single `await`."""

    def upload(self, data: Any) -> int:
        return sum(len(part) for part in data)

    def download(self, size: int) -> Iterator[bytes]:
        for start in range(0, size, 1000):
            yield bytes(min(1000, size - start))

    def numbers(self, n: int) -> Iterator[int]:
        yield from range(n)

    def later(self, x: int) -> Any:
        return {"ok": x + 1} if x else {"err": "zero"}

    def store(self, data: Any) -> Any:
        return Ok(Err("full") if len(b"".join(data)) > 10 else Ok())


@pytest.mark.parametrize("pipes", [Pipes, PlainPipes])
async def test_streams_and_futures_work_both_ways(lattice: aio.Lattice, pipes: Any) -> None:
    await lattice.serve("pipes", {PIPES: pipes}, wit=SHOP)

    async def source() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield bytes(30_000)

    assert await lattice.invoke("pipes", "upload", source()) == 150_000
    assert len(await (await lattice.invoke("pipes", "download", 123_456)).read_all()) == 123_456
    assert await (await lattice.invoke("pipes", "numbers", 1000)).read_all() == list(range(1000))
    assert await (await lattice.invoke("pipes", "later", 4)) == Ok(5)
    assert (await (await lattice.invoke("pipes", "later", 0))).value == "zero"
    assert await (await lattice.invoke("pipes", "store", b"short")) == Ok()
    assert (await (await lattice.invoke("pipes", "store", bytes(11)))).value == "full"


async def test_items_of_a_stream_are_checked_as_they_come(lattice: aio.Lattice) -> None:
    async def numbers(n: int) -> AsyncIterator[Any]:
        yield 1
        yield "two"

    functions = {"numbers": numbers} | dict.fromkeys(
        ("upload", "download", "later", "store"), print
    )
    await lattice.serve("pipes", {PIPES: functions}, wit=SHOP)
    stream = await lattice.invoke("pipes", "numbers", 2)
    assert await stream.read_all() == [1]
    assert not stream.clean


# ---- from components, and blocking


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("artifacts") / "caller.wasm"
    source = HERE / "host" / "components" / "caller.wat"
    path.write_bytes(component_from_wat(source.read_text()))
    return path


def test_a_component_calls_python_through_a_link_and_a_cell_serves_it(caller: Path) -> None:
    asked: list[tuple[str, str]] = []

    def add(ctx: InvocationContext, a: int, b: int) -> int:
        asked.append((ctx.source_id, ctx.link_name))
        return a + b

    with workbench.up(wadm=False) as lattice:
        lattice.cells.put("caller", caller)
        lattice.start_component("cell://caller", "caller")
        # No WIT is given: the component says what it imports.
        with lattice.serve("adder", {"lab:tiny/api@0.1.0": {"add": add}}) as served:
            lattice.put_link("caller", "adder", "lab:tiny/api")
            assert lattice.invoke("caller", "lab:caller/run.go") == 42
            assert asked == [("caller", "default")]
            assert "served by this process" in repr(served)
            with pytest.raises(UsageError, match="runs on this lattice"):
                lattice.serve("caller", {"lab:tiny/api@0.1.0": {"add": add}})
        with pytest.raises(NoResponders):
            lattice.invoke("caller", "lab:caller/run.go")


async def test_a_busy_component_is_waited_for_and_an_absent_one_is_not(
    caller: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench._calls.HANDSHAKE_TIMEOUT_S", 0.05)
    release, asked = asyncio.Event(), asyncio.Event()

    async def add(a: int, b: int) -> int:
        asked.set()
        await release.wait()
        return a + b

    async with await aio.up(wadm=False) as lattice:
        lattice.cells.put("caller", caller)
        await lattice.start_component("cell://caller", "caller", count=1)
        await lattice.serve("adder", {"lab:tiny/api@0.1.0": {"add": add}})
        await lattice.put_link("caller", "adder", "lab:tiny/api")
        calls = [
            asyncio.ensure_future(lattice.invoke("caller", "lab:caller/run.go")) for _ in range(4)
        ]
        await asyncio.wait_for(asked.wait(), 5)
        # One runs, one has its handshake, two have none; a tap hides that nobody is there.
        await lattice.nc.subscribe_direct("default.absent.>", lambda message: None)
        run = (await lattice.exports("caller"))["lab:caller/run@0.1.0"]
        with pytest.raises(HandshakeTimeout):
            await lattice.calls._call("absent", run.id, run.functions["go"], (), 5.0, "default")
        assert not any(call.done() for call in calls)
        release.set()
        assert await asyncio.gather(*calls) == [42] * 4


def test_a_plain_function_may_call_the_lattice_itself_and_streams_read_in_a_cell() -> None:
    with workbench.up(hosts=0, wadm=False) as lattice:
        lattice.serve("shop", {STOCK: Stock}, wit=SHOP)

        def who() -> tuple[str, str]:
            return str(lattice.invoke("shop", "count")), "asked on"

        lattice.serve("front", {AUDIT: {"who": who}, PIPES: Pipes}, wit=SHOP)
        assert lattice.invoke("front", "who") == ("3", "asked on")
        assert b"".join(lattice.invoke("front", "download", 5000)) == bytes(5000)
        assert list(lattice.invoke("front", "numbers", 10)) == list(range(10))
        assert lattice.invoke("front", "later", 1).result(5) == Ok(2)


def test_closing_the_lattice_ends_what_it_serves() -> None:
    lattice = workbench.up(hosts=0, wadm=False)
    served = lattice.serve("shop", {STOCK: Stock}, wit=SHOP)
    lattice.close()
    served.stop()
    assert "stopped" in repr(served)
