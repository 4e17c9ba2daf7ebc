"""``wasi:http`` from inside a real Python component, built by componentize-py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.unit.wasm.http_guest import HttpGuest, known, parts, script
from workbench.errors import LimitHit, Trap
from workbench.wasm import linking
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, RequestOptions, collect
from workbench.wire.http_wrpc import ERROR_CODE
from workbench.wire.wit.bundled import new_resolver
from workbench.wire.wit.types import Option, Record, Type
from workbench.wire.wit.values import record_class

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # the first one builds the probe

INVALID = ("err", "HeaderError_InvalidSyntax")
FORBIDDEN = ("err", "HeaderError_Forbidden")
IMMUTABLE = ("err", "HeaderError_Immutable")
NO = ("err", None)
CLOSED = "StreamError_Closed"


async def nobody(request: HttpRequest, options: RequestOptions) -> HttpResponse:
    raise AssertionError("nothing is sent here")


# -- fields ------------------------------------------------------------------------------------


async def test_fields_hold_bytes_of_any_kind_in_order_whatever_the_case(
    http_guest: HttpGuest,
) -> None:
    assert await http_guest.run("fields", "holds()") == (
        [b"1", b"2"], [], True, False,
        [("X-One", b"1"), ("x-two", b"\xff\x80"), ("x-one", b"2")],
        [("X-One", b"1"), ("x-one", b"2"), ("X-ONE", b"3"), ("x-two", b"a"), ("x-two", b"b")],
        [],
    )  # fmt: skip


async def test_fields_refuse_what_is_no_field_and_what_is_the_connections(
    http_guest: HttpGuest,
) -> None:
    assert await http_guest.run("fields", "refuses()") == [
        *[INVALID] * 6, *[FORBIDDEN] * 4, INVALID, [],
    ]  # fmt: skip


async def test_fields_that_were_given_away_stay_as_they_are(http_guest: HttpGuest) -> None:
    assert await http_guest.run("fields", "stay()") == [
        *[IMMUTABLE] * 3, [("x-a", b"1")], [("x-a", b"1"), ("x-b", b"2")],
    ]  # fmt: skip


async def test_fields_do_not_grow_without_end(http_guest: HttpGuest) -> None:
    with pytest.raises(Trap, match="fields of more than 131072 bytes"):
        await http_guest.run("fields", "without_end()")


# -- outgoing messages -------------------------------------------------------------------------


async def test_the_parts_of_a_request_are_set_and_read_and_nonsense_is_refused(
    http_guest: HttpGuest,
) -> None:
    assert await http_guest.run("messages", "request_parts()") == (
        ("Method_Get", None, None, None),
        [None, None, None, None],
        (("Method_Other", "PURGE"), "/a?b=c", ("Scheme_Other", "ftp"), "[::1]:80"),
        [NO] * 5,
    )
    named = ["Get", "Head", "Post", "Put", "Delete", "Connect", "Options", "Trace", "Patch"]
    assert await http_guest.run("messages", "methods()") == [f"Method_{name}" for name in named]


async def test_a_response_takes_a_status_that_http_has(http_guest: HttpGuest) -> None:
    assert await http_guest.run("messages", "response_parts()") == (
        200, [NO, NO, None], 404, [("x-a", b"1")],
    )  # fmt: skip


async def test_a_body_and_its_stream_are_given_once(http_guest: HttpGuest) -> None:
    assert await http_guest.run("messages", "bodies_once()") == (NO, NO, True)


async def test_a_body_that_is_not_as_long_as_announced_is_an_error(http_guest: HttpGuest) -> None:
    size = "ErrorCode_HttpRequestBodySize"
    assert await http_guest.run("messages", "lengths()") == [
        None, ("err", (size, 3)), None, ("err", (size, 0)),
    ]  # fmt: skip
    code = ("ErrorCode_HttpResponseBodySize", 5)
    words = "the body is larger than its content-length of 4 bytes"
    assert await http_guest.run("messages", "too_long()") == (
        ("err", ("failed", words, code)), ("err", CLOSED), ("err", CLOSED),
    )  # fmt: skip
    assert await http_guest.run("messages", "no_length()") == [NO, NO, NO, NO, "OutgoingBody"]


async def test_nothing_is_written_after_the_end(http_guest: HttpGuest) -> None:
    assert await http_guest.run("messages", "after_finish()") == (("err", CLOSED), ("err", CLOSED))


async def test_options_are_what_was_set(http_guest: HttpGuest) -> None:
    assert await http_guest.run("messages", "options()") == ([None] * 3, [1, 2, 3], None)


# -- handlers ----------------------------------------------------------------------------------


async def test_a_handler_sees_the_request_without_the_connections_fields(
    http_guest: HttpGuest,
) -> None:
    request = HttpRequest(
        "PURGE", "/a?b=%20", "ftp", "example.test:8",
        [("host", b"example.test"), ("x-a", b"\xff"), ("upgrade", b"x"), ("x-a", b"2")],
    )  # fmt: skip
    assert await http_guest.found("look(request, response_out)", request) == (
        ("Method_Other", "PURGE"), "/a?b=%20", ("Scheme_Other", "ftp"), "example.test:8",
        [("x-a", b"\xff"), ("x-a", b"2")], IMMUTABLE,
    )  # fmt: skip


@pytest.mark.parametrize("trailers", [None, [("x-sum", b"7")]])
async def test_a_body_is_consumed_once_and_its_trailers_come_once(
    http_guest: HttpGuest, trailers: Any
) -> None:
    request = HttpRequest("POST", body=parts(b"hello", b" world"), trailers=known(trailers))
    assert await http_guest.found("take_once(request, response_out)", request) == (
        NO, NO, b"hel", 2, trailers, NO,
    )  # fmt: skip


async def test_what_was_made_from_a_dropped_message_goes_on(http_guest: HttpGuest) -> None:
    request = HttpRequest("POST", body=b"hello ")
    response = await http_guest.handle("parents_first(request, response_out)", request)
    assert await collect(response.body) == b"hello []"


async def test_a_response_has_its_status_fields_body_and_trailers(http_guest: HttpGuest) -> None:
    response = await http_guest.handle("trailers(request, response_out)")
    assert response.status == 202
    assert response.headers == [("x-a", b"1"), ("x-a", b"2"), ("x-bin", b"\xfe")]
    assert await collect(response.body) == b"body"
    assert response.trailers is not None
    assert await response.trailers == [("x-end", b"\xff"), ("x-end", b"2")]


async def test_a_body_that_is_dropped_unfinished_ends_where_it_is(http_guest: HttpGuest) -> None:
    response = await http_guest.handle("unfinished(request, response_out)")
    assert await collect(response.body) == b"so far"
    assert response.trailers is None or await response.trailers is None
    response = await http_guest.handle("without_body(request, response_out)")
    assert await collect(response.body) == b""


async def test_an_answer_to_head_may_announce_what_it_does_not_send(http_guest: HttpGuest) -> None:
    response = await http_guest.handle("head_only(request, response_out)", HttpRequest("HEAD"))
    assert ("content-length", b"1000") in response.headers
    assert await collect(response.body) == b"" and http_guest.lines == [("stderr", "None")]
    http_guest.lines.clear()
    await http_guest.handle("head_only(request, response_out)", HttpRequest("GET"))
    size = ("err", ("ErrorCode_HttpResponseBodySize", 0))
    assert http_guest.lines == [("stderr", repr(size))]


async def test_letting_the_response_go_is_told_while_the_guest_still_runs(
    http_guest: HttpGuest,
) -> None:
    with pytest.raises(Trap, match=r"response-outparam\.set"):
        await http_guest.handle("let_go(response_out)")


async def test_a_failure_after_the_response_ends_only_the_body(http_guest: HttpGuest) -> None:
    ended: list[Any] = []
    instantiator = http_guest.instantiator()
    run = ("x-run", script("exchange", "fail_after(response_out)").encode())
    response = await instantiator.handle_http(HttpRequest(headers=[run]), on_end=ended.append)
    assert (response.status, await collect(response.body)) == (200, b"so far")
    assert isinstance(ended[0], Trap)
    assert any("LookupError: after the response" in line for _, line in http_guest.lines)


# -- error codes -------------------------------------------------------------------------------


def sample(kind: Type | None) -> tuple[str, Any, Any]:
    """A payload: as the guest writes it, in canonical form, and as the guest shows it."""
    if kind is None:
        return "", None, ()
    inner = kind.item if isinstance(kind, Option) else kind
    if isinstance(inner, Record):
        values = [("a", 7)["string" not in str(field)] for _, field in inner.fields]
        words = inner.name.split("-")
        name = "".join(word.capitalize() for word in words)
        written = f"types.{name}({', '.join(map(repr, values))})"
        return written, record_class(inner)(*values), ((name, *values),)
    value = "a" if "string" in str(inner) else 7
    return repr(value), value, (value,)


CODES = [(name, *sample(kind)) for name, kind in ERROR_CODE.cases]


def test_there_are_all_39_codes() -> None:
    assert len(CODES) == 39 and sum(payload is not None for _, _, payload, _ in CODES) == 15


async def test_every_error_code_of_a_handler_arrives_with_its_payload(
    http_guest: HttpGuest,
) -> None:
    kinds = "[k for n, k in vars(types).items() if n.startswith('ErrorCode_')]"
    for at, (name, written, payload, _) in enumerate(CODES):
        with pytest.raises(HttpError) as caught:
            await http_guest.handle(f"refuse(response_out, {kinds}[{at}]({written}))")
        assert (caught.value.code, caught.value.payload) == (name, payload)


async def test_every_error_code_reaches_a_guest_that_asked(http_guest: HttpGuest) -> None:
    async def web(request: HttpRequest, options: RequestOptions) -> HttpResponse:
        name, _, payload, _ = CODES[int(request.path_with_query or "")]
        raise HttpError(name, payload)

    found = await http_guest.run(
        "client", f"[whole(str(at))[0] for at in range({len(CODES)})]", web
    )
    for (name, _, _, shown), value in zip(CODES, found, strict=True):
        case, *rest = (value,) if isinstance(value, str) else value
        assert case.removeprefix("ErrorCode_").lower() == name.replace("-", "").lower()
        assert tuple(rest) == shown


async def test_what_a_body_breaks_off_with_is_an_error_code_on_its_stream(
    http_guest: HttpGuest,
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"so far"
        raise HttpError("HTTP-response-body-size", 9)

    async def web(request: HttpRequest, options: RequestOptions) -> HttpResponse:
        return HttpResponse(body=broken())

    code = ("ErrorCode_HttpResponseBodySize", 9)
    data, (failed, _, found), late = await http_guest.run("client", "failing_body()", web)
    assert (data, failed, found) == (b"so far", "failed", code)
    assert late == ("ok", ("err", code))


# -- outgoing requests -------------------------------------------------------------------------


async def test_a_request_and_its_response_are_whole_both_ways(http_guest: HttpGuest) -> None:
    asked: list[Any] = []

    async def web(request: HttpRequest, options: RequestOptions) -> HttpResponse:
        body = await collect(request.body)
        trailers = await request.trailers if request.trailers is not None else None
        asked.append((request.method, request.headers, body, trailers, options))
        late = known([("x-end", b"9")])
        return HttpResponse(203, [("x-b", b"1"), ("connection", b"x")], parts(b"a", b"b"), late)

    status, headers, data, end, trailers, twice, again = await http_guest.run(
        "client", "whole()", web
    )
    assert (status, headers, data, end) == (203, [("x-b", b"1")], b"ab", CLOSED)
    assert trailers == ("ok", ("ok", "Fields")) and twice == again == NO
    assert asked == [
        ("PUT", [("x-a", b"\xff")], b"one two", [("x-sum", b"7")], RequestOptions(None, None, None))
    ]


async def test_a_future_is_pending_until_it_is_there(http_guest: HttpGuest) -> None:
    running = 0

    async def web(request: HttpRequest, options: RequestOptions) -> HttpResponse:
        nonlocal running
        running += 1
        try:
            await asyncio.Event().wait()
        finally:
            running -= 1
        raise AssertionError

    assert await http_guest.run("client", "pending()", web) == (None, False)
    assert running == 0


async def test_a_request_without_an_authority_goes_nowhere(http_guest: HttpGuest) -> None:
    found = ("err", "ErrorCode_HttpRequestUriInvalid")
    assert await http_guest.run("client", "nowhere()", nobody) == found
    assert await http_guest.run("client", "nowhere()") == found


async def test_timeouts_that_a_guest_sets_are_kept(http_guest: HttpGuest) -> None:
    async def late_head(request: HttpRequest, options: RequestOptions) -> HttpResponse:
        assert options == RequestOptions(1000, 1000, None)
        await asyncio.Event().wait()
        raise AssertionError

    async def late_body(request: HttpRequest, options: RequestOptions) -> HttpResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return HttpResponse(body=body())

    timeout = "ErrorCode_ConnectionReadTimeout"
    assert await http_guest.run("client", "timed(1000, 1000)", late_head) == timeout
    data, (_, _, code) = await http_guest.run(
        "client", "timed(between_bytes=50_000_000)", late_body
    )
    assert (data, code) == (b"first", timeout)


async def test_who_sends_a_response_that_nobody_reads_may_stop(http_guest: HttpGuest) -> None:
    stopped = 0

    async def web(request: HttpRequest, options: RequestOptions) -> HttpResponse:
        async def body() -> AsyncIterator[bytes]:
            nonlocal stopped
            try:
                while True:
                    yield b"x" * 65536
            finally:
                stopped += 1

        return HttpResponse(body=body())

    assert await http_guest.run("client", "dropped()", web) == "done"
    assert stopped == 2


async def test_the_trailers_of_a_body_that_is_not_read_on_still_come(http_guest: HttpGuest) -> None:
    async def web(request: HttpRequest, options: RequestOptions) -> HttpResponse:
        async def body() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield b"x" * 65536

        return HttpResponse(body=body(), trailers=known([("x-end", b"1")]))

    assert await http_guest.run("client", "finished_early()", web) == (10, [("x-end", b"1")])


async def test_an_answer_that_never_comes_is_stopped_with_the_guest(http_guest: HttpGuest) -> None:
    async def web(request: HttpRequest, options: RequestOptions) -> HttpResponse:
        await asyncio.Event().wait()
        raise AssertionError

    instantiator = http_guest.instantiator(web)
    with pytest.raises(LimitHit, match="limit on execution time"):
        await instantiator.call("", "check", (script("client", "whole()"),), timeout_s=0.3)


# -- nothing left out --------------------------------------------------------------------------

TOUR = (
    ("fields", "holds()"), ("fields", "stay()"), ("messages", "request_parts()"), ("messages", "response_parts()"),
    ("messages", "options()"), ("messages", "bodies_once()"), ("client", "whole()"),
    ("client", "failing_body()"),
)  # fmt: skip


async def test_every_function_of_wasi_http_is_called_by_the_probe(
    http_guest: HttpGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: set[str] = set()
    original = linking.host_function

    def noting(function: Any, target: Any, where: str, *more: Any) -> Any:
        def noted(state: Any, *args: Any) -> Any:
            called.add(where)
            return target(state, *args)

        return original(function, noted, where, *more)

    monkeypatch.setattr(linking, "host_function", noting)

    async def web(request: HttpRequest, options: RequestOptions) -> HttpResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"x"
            raise HttpError("connection-terminated")

        await collect(request.body)
        return HttpResponse(body=body())

    for name, call in TOUR:
        await http_guest.run(name, call, web)
    await http_guest.handle("look(request, response_out)")
    await http_guest.handle("take_once(request, response_out)", HttpRequest(body=b"hello"))
    names = {where.partition("@")[0] + "#" + where.partition("#")[2] for where in called}
    resolver = new_resolver()
    for interface in ("types", "outgoing-handler"):
        found = resolver.interface(f"wasi:http/{interface}@0.2.8")
        wanted = {f"wasi:http/{interface}#{function}" for function in found.functions}
        assert wanted - names == set()
