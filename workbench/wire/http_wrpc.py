"""HTTP over wRPC: the types of ``wrpc:http@0.1.0`` and their mapping to `HttpRequest`/`HttpResponse`.

The types are spelled out here rather than read from WIT, because every HTTP provider and host
needs them at once. Rules of the Rust side that are kept (interfaces.md §4.3): header names are
unique and lower case, all values of a name together; ``scheme`` and ``authority`` are always
sent; the trailers future is always answered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import Any

from workbench.errors import DecodeError
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, RequestOptions
from workbench.wire.wit.types import (
    STRING,
    U8,
    U16,
    U32,
    U64,
    Function,
    Future,
    List,
    Option,
    Record,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)  # fmt: skip
from workbench.wire.wit.values import Case, Err, Ok, record_class

__all__ = [
    "DNS_ERROR", "ERROR_CODE", "HANDLE", "INCOMING_HANDLER", "OUTGOING_HANDLE", "OUTGOING_HANDLER", "REQUEST",
    "RESPONSE", "error_from_wrpc", "error_to_wrpc", "options_from_wrpc", "options_to_wrpc",
    "request_from_wrpc", "request_to_wrpc", "response_from_wrpc", "response_to_wrpc",
    "result_from_wrpc",
]  # fmt: skip

INCOMING_HANDLER = "wrpc:http/incoming-handler@0.1.0"
OUTGOING_HANDLER = "wrpc:http/outgoing-handler@0.1.0"

# A host sends 600 s where the guest set no timeout (interfaces.md §4.3).
DEFAULT_TIMEOUT_NS = 600_000_000_000


def _cases(*cases: str | tuple[str, Type]) -> tuple[tuple[str, Type | None], ...]:
    return tuple((case, None) if isinstance(case, str) else case for case in cases)


FIELDS = List(Tuple((STRING, List(List(U8)))))
METHOD = Variant(
    "method",
    _cases("get", "head", "post", "put", "delete", "connect", "options", "trace", "patch",
           ("other", STRING)),
)  # fmt: skip
SCHEME = Variant("scheme", _cases("HTTP", "HTTPS", ("other", STRING)))
_FIELD_SIZE = Record(
    "field-size-payload", (("field-name", Option(STRING)), ("field-size", Option(U32)))
)
DNS_ERROR = Record("DNS-error-payload", (("rcode", Option(STRING)), ("info-code", Option(U16))))
_TLS_ALERT = Record(
    "TLS-alert-received-payload",
    (("alert-id", Option(U8)), ("alert-message", Option(STRING))),
)
ERROR_CODE = Variant(
    "error-code",
    _cases(
        "DNS-timeout", ("DNS-error", DNS_ERROR), "destination-not-found",
        "destination-unavailable", "destination-IP-prohibited", "destination-IP-unroutable",
        "connection-refused", "connection-terminated", "connection-timeout",
        "connection-read-timeout", "connection-write-timeout", "connection-limit-reached",
        "TLS-protocol-error", "TLS-certificate-error", ("TLS-alert-received", _TLS_ALERT),
        "HTTP-request-denied", "HTTP-request-length-required",
        ("HTTP-request-body-size", Option(U64)), "HTTP-request-method-invalid",
        "HTTP-request-URI-invalid", "HTTP-request-URI-too-long",
        ("HTTP-request-header-section-size", Option(U32)),
        ("HTTP-request-header-size", Option(_FIELD_SIZE)),
        ("HTTP-request-trailer-section-size", Option(U32)),
        ("HTTP-request-trailer-size", _FIELD_SIZE), "HTTP-response-incomplete",
        ("HTTP-response-header-section-size", Option(U32)),
        ("HTTP-response-header-size", _FIELD_SIZE), ("HTTP-response-body-size", Option(U64)),
        ("HTTP-response-trailer-section-size", Option(U32)),
        ("HTTP-response-trailer-size", _FIELD_SIZE),
        ("HTTP-response-transfer-coding", Option(STRING)),
        ("HTTP-response-content-coding", Option(STRING)), "HTTP-response-timeout",
        "HTTP-upgrade-failed", "HTTP-protocol-error", "loop-detected", "configuration-error",
        ("internal-error", Option(STRING)),
    ),
)  # fmt: skip
REQUEST = Record(
    "request",
    (
        ("body", Stream(U8)),
        ("trailers", Future(Option(FIELDS))),
        ("method", METHOD),
        ("path-with-query", Option(STRING)),
        ("scheme", Option(SCHEME)),
        ("authority", Option(STRING)),
        ("headers", FIELDS),
    ),
)
RESPONSE = Record(
    "response",
    (
        ("body", Stream(U8)),
        ("trailers", Future(Option(FIELDS))),
        ("status", U16),
        ("headers", FIELDS),
    ),
)
REQUEST_OPTIONS = Record(
    "request-options",
    (
        ("connect-timeout", Option(U64)),
        ("first-byte-timeout", Option(U64)),
        ("between-bytes-timeout", Option(U64)),
    ),
)
HANDLE = Function("handle", (("request", REQUEST),), Result(RESPONSE, ERROR_CODE))
OUTGOING_HANDLE = Function(
    "handle",
    (("request", REQUEST), ("options", Option(REQUEST_OPTIONS))),
    Result(RESPONSE, ERROR_CODE),
)

_METHODS = {name for name, payload in METHOD.cases if payload is None}
_Request, _Response = record_class(REQUEST), record_class(RESPONSE)
_Options = record_class(REQUEST_OPTIONS)


def request_to_wrpc(request: HttpRequest) -> Any:
    """The `request` record; a missing scheme or authority is filled in, as Rust hosts demand."""
    return _Request(
        request.body,
        _trailers_out(request.trailers),
        _method_out(request.method),
        request.path_with_query,
        _scheme_out(request.scheme or "http"),
        request.authority or "localhost",
        _fields_out(request.headers),
    )


def request_from_wrpc(value: Any) -> HttpRequest:
    """Raises `DecodeError` for what no HTTP request can be."""
    authority = value.authority
    return HttpRequest(
        method=_method_in(value.method),
        path_with_query=value.path_with_query,
        scheme=None if value.scheme is None else _scheme_in(value.scheme),
        authority=authority,
        headers=_fields_in(value.headers),
        body=_body_in(value.body),
        trailers=_trailers_in(value.trailers),
    )


def response_to_wrpc(response: HttpResponse) -> Any:
    """The `response` record, without the surrounding `Ok`."""
    return _Response(
        response.body,
        _trailers_out(response.trailers),
        response.status,
        _fields_out(response.headers),
    )


def response_from_wrpc(value: Any) -> HttpResponse:
    """Raises `DecodeError` for a status that HTTP does not know."""
    if not 100 <= value.status <= 999:
        raise DecodeError(f"{value.status} is no HTTP status", status=value.status)
    return HttpResponse(
        status=value.status,
        headers=_fields_in(value.headers),
        body=_body_in(value.body),
        trailers=_trailers_in(value.trailers),
    )


def result_from_wrpc(value: Ok | Err) -> HttpResponse:
    """The response of an answer of ``handle``; raises `HttpError` for its error code."""
    if isinstance(value, Err):
        raise error_from_wrpc(value.value)
    return response_from_wrpc(value.value)


def error_to_wrpc(error: HttpError) -> Case:
    """The `error-code`; one that the type does not have becomes ``internal-error``."""
    code, payload = error.fields["code"], error.fields["payload"]
    if code in {name for name, _ in ERROR_CODE.cases}:
        return Case(code, payload)
    return Case("internal-error", error.message)


def error_from_wrpc(value: Case) -> HttpError:
    return HttpError(value.name, value.payload)


def options_to_wrpc(options: RequestOptions | None) -> Any:
    """Always all three timeouts, as Rust hosts send them."""
    given = options if options is not None else RequestOptions()
    timeouts = (
        given.connect_timeout_ns, given.first_byte_timeout_ns, given.between_bytes_timeout_ns,
    )  # fmt: skip
    return _Options(*(DEFAULT_TIMEOUT_NS if t is None else t for t in timeouts))


def options_from_wrpc(value: Any) -> RequestOptions | None:
    return None if value is None else RequestOptions(*value)


def _method_out(method: str) -> Case:
    name = method.lower()
    return Case(name) if name in _METHODS else Case("other", method)


def _method_in(method: Case) -> str:
    return method.payload if method.name == "other" else method.name.upper()


def _scheme_out(scheme: str) -> Case:
    known = {"http": Case("HTTP"), "https": Case("HTTPS")}
    return known.get(scheme.lower()) or Case("other", scheme)


def _scheme_in(scheme: Case) -> str:
    return scheme.payload if scheme.name == "other" else scheme.name.lower()


def _fields_out(headers: Iterable[tuple[str, bytes]]) -> list[tuple[str, list[bytes]]]:
    grouped: dict[str, list[bytes]] = {}
    for name, value in headers:
        grouped.setdefault(name.lower(), []).append(bytes(value))
    return list(grouped.items())


def _fields_in(fields: Iterable[tuple[str, list[bytes]]]) -> list[tuple[str, bytes]]:
    headers: list[tuple[str, bytes]] = []
    seen: set[str] = set()
    for name, values in fields:
        lower = name.lower()
        if lower in seen:
            raise DecodeError(f"header {name!r} comes twice", hint="put its values together")
        seen.add(lower)
        headers.extend((lower, value) for value in values)
    return headers


def _body_in(body: Any) -> bytes | AsyncIterator[bytes]:
    return body if isinstance(body, bytes) or hasattr(body, "__aiter__") else b""


def _trailers_out(trailers: Awaitable[Any] | None) -> Awaitable[Any] | None:
    # A plain None is sent at once by whoever sends the future; a coroutine would have to be
    # closed by hand if the call failed before it.
    return None if trailers is None else _Grouped(trailers)


class _Grouped:
    """Awaits trailers and puts the values of one name together."""

    def __init__(self, trailers: Awaitable[Any]) -> None:
        self._trailers = trailers

    def __await__(self) -> Any:
        fields = yield from self._trailers.__await__()
        return None if fields is None else _fields_out(fields)


class _Flat:
    """Awaits a trailers future and gives one entry for each value; None if there are none."""

    def __init__(self, future: Awaitable[Any]) -> None:
        self._future = future

    def __await__(self) -> Any:
        fields = yield from self._future.__await__()
        return None if fields is None else _fields_in(fields)


def _trailers_in(future: Any) -> Awaitable[Any] | None:
    return _Flat(future) if hasattr(future, "__await__") else None
