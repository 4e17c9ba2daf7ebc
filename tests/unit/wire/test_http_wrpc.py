"""HTTP over wRPC against the recorded bytes and the rules of interfaces.md §4.3."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.wire.wrpc.known import exchanges
from workbench.errors import DecodeError
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, RequestOptions
from workbench.wire.http_wrpc import (
    ERROR_CODE,
    HANDLE,
    INCOMING_HANDLER,
    OUTGOING_HANDLE,
    OUTGOING_HANDLER,
    REQUEST,
    RESPONSE,
    error_from_wrpc,
    error_to_wrpc,
    options_from_wrpc,
    options_to_wrpc,
    request_from_wrpc,
    request_to_wrpc,
    response_from_wrpc,
    response_to_wrpc,
    result_from_wrpc,
)  # fmt: skip
from workbench.wire.wit.types import Record, Variant
from workbench.wire.wit.values import Case, Err, Ok, record_class
from workbench.wire.wrpc import function_codec


def test_every_recorded_request_survives_the_way_through_http_request() -> None:
    seen = 0
    for exchange in exchanges():
        if not exchange.subject.endswith(f"{INCOMING_HANDLER}.handle"):
            continue
        decoder = function_codec(HANDLE).params_decoder()
        assert decoder.feed(exchange.root(">", ".params")) and decoder.values is not None
        request = request_from_wrpc(decoder.values[0])
        wire, _ = function_codec(HANDLE).encode_params([request_to_wrpc(request)])
        assert wire == exchange.root(">", ".params")
        seen += 1
    assert seen > 20


def test_the_recorded_get_is_read() -> None:
    (exchange,) = [e for e in exchanges() if (e.file, e.step) == ("http", "http-get")]
    decoder = function_codec(HANDLE).params_decoder()
    decoder.feed(exchange.payload)
    assert decoder.values is not None
    request = request_from_wrpc(decoder.values[0])
    assert (request.method, request.path_with_query, request.scheme) == ("GET", "/one?x=1", "http")
    assert dict(request.headers)["user-agent"] == b"curl/7.88.1"


def test_the_recorded_outgoing_options_are_written() -> None:
    found = [e for e in exchanges() if e.subject.endswith(f"{OUTGOING_HANDLER}.handle")]
    for exchange in found:
        decoder = function_codec(OUTGOING_HANDLE).params_decoder()
        assert decoder.feed(exchange.root(">", ".params")) and decoder.values is not None
        _, options = decoder.values
        assert options == options_to_wrpc(options_from_wrpc(options))
    assert len(found) == 2


def test_a_request_gets_the_parts_that_hosts_demand() -> None:
    value = request_to_wrpc(HttpRequest("delete", None, None, None, [("X-A", b"1"), ("x-a", b"2")]))
    assert value.method == Case("delete")
    assert (value.scheme, value.authority) == (Case("HTTP"), "localhost")
    assert value.headers == [("x-a", [b"1", b"2"])]


def test_unusual_methods_and_schemes_survive() -> None:
    value = request_to_wrpc(HttpRequest("PURGE", "/", "Gopher", "a:1"))
    assert (value.method, value.scheme) == (Case("other", "PURGE"), Case("other", "Gopher"))
    request = request_from_wrpc(value)
    assert (request.method, request.scheme) == ("PURGE", "Gopher")


def test_several_values_of_a_header_become_several_headers() -> None:
    response = response_from_wrpc(
        record_class(RESPONSE)(b"x", None, 200, [("Set-Cookie", [b"a", b"b"])])
    )
    assert response.headers == [("set-cookie", b"a"), ("set-cookie", b"b")]
    assert response_to_wrpc(response).headers == [("set-cookie", [b"a", b"b"])]


def test_a_repeated_header_name_is_refused() -> None:
    with pytest.raises(DecodeError, match="twice"):
        response_from_wrpc(record_class(RESPONSE)(b"", None, 200, [("a", [b""]), ("A", [b""])]))


@pytest.mark.parametrize("status", [0, 99, 1000, 65535])
def test_a_status_that_is_none_is_refused(status: int) -> None:
    with pytest.raises(DecodeError, match="no HTTP status"):
        response_from_wrpc(record_class(RESPONSE)(b"", None, status, []))


def test_an_error_code_is_raised_and_written() -> None:
    with pytest.raises(HttpError) as caught:
        result_from_wrpc(Err(Case("internal-error", "boom")))
    assert caught.value.fields["code"] == "internal-error"
    wire, _ = function_codec(HANDLE).encode_result(Err(error_to_wrpc(caught.value)))
    assert wire.hex() == "01260104626f6f6d"
    wire, _ = function_codec(HANDLE).encode_result(
        Err(error_to_wrpc(error_from_wrpc(Case("connection-refused"))))
    )
    assert wire.hex() == "0106"
    assert error_to_wrpc(HttpError("no-such-code")).name == "internal-error"


def test_error_codes_have_the_indexes_of_the_page() -> None:
    names = [name for name, _ in ERROR_CODE.cases]
    assert len(names) == 39
    at = {0: "DNS-timeout", 14: "TLS-alert-received", 24: "HTTP-request-trailer-size",
          28: "HTTP-response-body-size", 33: "HTTP-response-timeout", 38: "internal-error"}  # fmt: skip
    assert {i: names[i] for i in at} == at


def test_an_ok_result_is_a_response() -> None:
    value = response_to_wrpc(HttpResponse(204, [], b""))
    assert result_from_wrpc(Ok(value)).status == 204


def test_missing_options_are_six_hundred_seconds() -> None:
    wire, _ = function_codec(OUTGOING_HANDLE).encode_params(
        [request_to_wrpc(HttpRequest()), options_to_wrpc(RequestOptions(None, 1, None))]
    )
    assert wire.endswith(bytes.fromhex("0101 80e0a596bb11 01 01 01 80e0a596bb11"))


async def test_trailers_are_grouped_out_and_flat_in() -> None:
    async def trailers() -> list[tuple[str, bytes]]:
        return [("A", b"1"), ("a", b"2")]

    async def body() -> AsyncIterator[bytes]:
        yield b""

    value = response_to_wrpc(HttpResponse(200, [], body(), trailers()))
    assert await value.trailers == [("a", [b"1", b"2"])]

    async def fields() -> list[tuple[str, list[bytes]]]:
        return [("a", [b"1", b"2"])]

    response = response_from_wrpc(record_class(RESPONSE)(body(), fields(), 200, []))
    assert response.trailers is not None
    assert await response.trailers == [("a", b"1"), ("a", b"2")]


def test_the_types_agree_with_the_bundled_wit() -> None:
    bundled = pytest.importorskip("workbench.wire.wit.bundled").bundled()
    handle = bundled.interface(INCOMING_HANDLER).functions["handle"]
    assert _shape(handle.params[0][1]) == _shape(REQUEST)
    assert _shape(handle.result) == _shape(HANDLE.result)
    outgoing = bundled.interface(OUTGOING_HANDLER).functions["handle"]
    assert _shape(outgoing.params[1][1]) == _shape(OUTGOING_HANDLE.params[1][1])


def _shape(type: object) -> object:
    """A type as nested tuples, without the names of records and variants."""
    if isinstance(type, Record):
        return ("record", tuple((name, _shape(item)) for name, item in type.fields))
    if isinstance(type, Variant):
        return ("variant", tuple((name, _shape(item)) for name, item in type.cases))
    slots = getattr(type, "__dataclass_fields__", None)
    if slots is None:
        return tuple(map(_shape, type)) if isinstance(type, tuple) else type
    return (type.__class__.__name__, *(_shape(getattr(type, slot)) for slot in slots))
