"""WASI from inside a real Python component, built by componentize-py."""

from __future__ import annotations

import asyncio
import errno
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.unit.wasm.conftest import wat
from tests.unit.wasm.wasi_probe import Guest, script
from workbench.errors import LimitHit, Trap
from workbench.wasm import Engine, Grants, ImportsBase, Instantiator, store
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, RequestOptions, collect
from workbench.wire.wit.values import Ok

# The first test builds and compiles the probe, which takes minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Outside(ImportsBase):
    """The HTTP server that the probe talks to."""

    def __init__(self) -> None:
        self.requests: list[tuple[HttpRequest, RequestOptions, bytes]] = []

    def provides(self, instance: str, name: str) -> bool:
        return instance.startswith("wasi:http/outgoing-handler")

    async def http(self, ctx: Any, request: HttpRequest, options: RequestOptions) -> HttpResponse:
        body = await collect(request.body)
        self.requests.append((request, options, body))
        if request.path_with_query == "/refused":
            raise HttpError("connection-refused")
        if request.path_with_query == "/broken":
            raise LookupError("no link for outgoing HTTP")

        async def answer() -> AsyncIterator[bytes]:
            yield b"pong "
            await asyncio.sleep(0)
            yield body

        return HttpResponse(201, [("x-to", b"guest"), ("connection", b"close")], answer())


@pytest.fixture
async def probe(guest: Guest) -> AsyncIterator[tuple[Instantiator, Outside]]:
    outside = Outside()
    instantiator = guest.instantiator(outside)
    yield instantiator, outside
    await instantiator.close()


async def check(instantiator: Instantiator, what: str) -> Any:
    return await instantiator.call("", "check", (what,), timeout_s=60)


async def test_a_guest_without_grants_sees_what_a_real_host_gives(guest: Guest) -> None:
    assert guest.run("basics", "granted()") == ({}, ["main.wasm"], None, None)
    assert guest.run("basics", "drain(stdin.get_stdin())") == (b"", "StreamError_Closed")
    assert guest.run("basics", "terminals()") == (None, None, None)
    assert guest.run("basics", "preopens.get_directories()") == []
    assert guest.run("basics", "clocks()") == (True, True, False, True, True, 0)
    assert guest.run("basics", "randomness()") == (33, True, 7, True, True)
    assert guest.lines == []


async def test_environment_arguments_and_working_directory_are_as_granted(guest: Guest) -> None:
    grants = Grants(
        environment={"NAME": "Ada"}, arguments=("a", "b"), working_directory="/w",
    )  # fmt: skip
    assert guest.run("basics", "granted()", grants) == ({"NAME": "Ada"}, ["a", "b"], "/w", "Ada")


@pytest.mark.parametrize(
    "stdin", [b"0123456789", [b"012", b"", b"3456789"], io.BytesIO(b"0123456789").read]
)
async def test_stdin_is_read_on_by_whoever_asks_for_it(guest: Guest, stdin: Any) -> None:
    head, rest, after, ready = guest.run("basics", "read_stdin()", Grants(stdin=stdin))
    (first, skipped, more) = head
    read = len(first) + skipped + more
    assert first == b"01" and rest == (b"0123456789"[read:], "StreamError_Closed")
    assert after == "StreamError_Closed" and ready


async def test_output_arrives_line_by_line_in_order_with_what_it_belongs_to(guest: Guest) -> None:
    seen: list[tuple[str, str, Any]] = []
    instantiator = guest.component.instantiator(on_log=lambda *line: seen.append(line))
    request = script("basics", "output()")
    await instantiator.call("", "check", (request,), ctx="invocation 7")
    await instantiator.close()
    assert [line for line in seen if line[0] == "stdout"] == [
        ("stdout", text, "invocation 7") for text in ("one", "two", "three")
    ]
    assert ("stderr", "oops", "invocation 7") in seen
    assert guest.run("basics", "write_stdout()")
    assert guest.lines == [("stdout", "aaa\0\0b"), ("stderr", "oops: ü"), ("stdout", "\0")]


async def test_a_long_line_comes_whole_in_pieces_and_no_letter_is_cut(guest: Guest) -> None:
    text = "ä" * 10_000
    guest.run("basics", f"print({text!r} + '\\nend')")
    pieces = [line for stream, line in guest.lines if stream == "stdout"]
    assert "".join(pieces[:-1]) == text and pieces[-1] == "end"
    assert len(pieces) > 2


async def test_polling_tells_what_is_ready_in_the_order_asked(guest: Guest) -> None:
    assert guest.run("basics", "polls()") == ([1, 3], [0, 2])


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("poll_nothing()", "at least one pollable"),
        ("write_beyond_room()", "wrote 65537 bytes where check-write allowed 65536"),
        ("write_too_much_at_once()", "wrote 4097 bytes where check-write allowed 4096"),
        ("zeroes_too_many_at_once()", "wrote 4097 bytes where check-write allowed 4096"),
        ("zeroes_without_end()", f"wrote {2**64 - 1} bytes where check-write allowed 65536"),
        ("ask_for_random_without_end()", f"asked for {2**63} random bytes at once"),
        ("drop_parent_first()", "dropped an output-stream before what was made from it"),
    ],
)
async def test_what_a_real_host_traps_on_traps_here(guest: Guest, call: str, reason: str) -> None:
    with pytest.raises(Trap) as caught:
        guest.run("basics", call)
    assert not isinstance(caught.value, LimitHit)
    assert reason in str(caught.value)
    assert guest.run("basics", "terminals()") == (None, None, None), "the host lives"


async def test_a_guest_that_hoards_resources_is_stopped_by_a_limit_that_says_so(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_OBJECTS", 1000)
    with pytest.raises(LimitHit, match="holds 1000 resources of the host") as caught:
        guest.run("basics", "take_resources_without_end()")
    assert caught.value.fields["limit"] == "resources"


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("use-dropped", "unknown handle index"),
        ("use-invented", "unknown handle index"),
        ("use-of-another-kind", "handle index"),
        ("drop-twice", "unknown handle index"),
        ("parent-first", "dropped an output-stream before what was made from it"),
        ("no-room", "realloc return: beyond end of memory"),
        ("child-first", None),
        ("keep-all", None),
    ],
)
def test_handles_and_memory_that_are_not_there_end_only_the_guest(
    compiled: Any, function: str, reason: str | None
) -> None:
    instantiator = compiled("handles").instantiator()
    if reason is None:
        assert instantiator.call_inline("", function, ()) is None
    else:
        with pytest.raises(Trap, match=reason):
            instantiator.call_inline("", function, ())
    assert instantiator.call_inline("", "child-first", ()) is None
    instantiator.close_blocking()


@pytest.mark.parametrize(("call", "code"), [("leave_well()", 0), ("leave_badly()", 1)])
async def test_a_guest_that_exits_is_a_trap_with_its_code(
    guest: Guest, call: str, code: int
) -> None:
    with pytest.raises(Trap, match=f"exit code {code}") as caught:
        guest.run("basics", call)
    assert caught.value.fields["exit_code"] == code


def test_functions_behind_feature_gates_work_too(engine: Engine) -> None:
    """componentize-py can't import these; a component in text format does."""
    component = engine.load_blocking(wat("unstable"), name="unstable")

    def failing(size: int) -> bytes:
        raise ConnectionResetError(errno.ECONNRESET, "the other side has gone")

    def run(function: str, *args: Any, stdin: Any = b"") -> Any:
        instantiator = component.instantiator(grants=Grants(stdin=stdin))
        try:
            return instantiator.call_inline("", function, args)
        finally:
            instantiator.close_blocking()

    assert run("zone") == len("UTC")
    assert run("code-of-stdin", stdin=failing) == 15, "connection-reset"
    assert run("code-of-stdin", stdin=b"all well") == 98
    with pytest.raises(Trap, match="exit code 42"):
        run("leave", 42)


async def test_a_guest_sends_requests_and_reads_responses(probe: Any) -> None:
    instantiator, outside = probe
    assert await check(instantiator, "http /a?b=1") == Ok("201 [b'guest'] 9 b'pong ping'")
    request, options, body = outside.requests[0]
    assert (request.method, request.scheme, request.authority, request.path_with_query) == (
        "POST", "http", "example.test:81", "/a?b=1"
    )  # fmt: skip
    assert request.headers == [("x-from", b"probe")] and body == b"ping"
    assert options == RequestOptions(connect_timeout_ns=5)
    long = await check(instantiator, "http /long")
    assert long.value.startswith("201 [b'guest'] 100005")


async def test_a_refused_request_is_an_error_code_and_a_broken_one_ends_the_guest(
    probe: Any,
) -> None:
    instantiator, _ = probe
    assert await check(instantiator, "http /refused") == Ok("ErrorCode_ConnectionRefused")
    with pytest.raises(LookupError, match="no link"):
        await check(instantiator, "http /broken")


async def test_a_python_handler_streams_a_request_back_with_trailers(probe: Any) -> None:
    """It exports incoming-handler@0.2.2 while the tool made it import types@0.2.9."""
    instantiator, _ = probe

    async def body() -> AsyncIterator[bytes]:
        for n in range(20):
            yield bytes([n]) * 5000

    request = HttpRequest(
        "PATCH", "/a?b", authority="shop.test", body=body(),
        headers=[("host", b"shop.test"), ("x-a", b"1"), ("x-a", b"2")],
    )  # fmt: skip
    response = await instantiator.handle_http(request)
    assert (response.status, response.headers) == (202, [("content-type", b"text/plain")])
    seen, _, rest = (await collect(response.body)).partition(b"\n")
    assert seen.decode() == str(
        ("Method_Patch", "/a?b", "Scheme_Http", "shop.test", [("x-a", b"1"), ("x-a", b"2")])
    )
    assert rest == b"".join(bytes([n]) * 5000 for n in range(20))
    assert await response.trailers == [("x-last", b"1")]


async def test_a_python_exception_is_a_trap_with_the_traceback_on_stderr(
    guest: Guest, probe: Any
) -> None:
    instantiator, _ = probe
    with pytest.raises(Trap) as caught:
        await instantiator.handle_http(HttpRequest("GET", "/raise"))
    assert not isinstance(caught.value, LimitHit)
    assert "ValueError: on purpose" in caught.value.stderr
    assert "ValueError: on purpose" in str(caught.value)
    assert ("stderr", "ValueError: on purpose") in guest.lines
