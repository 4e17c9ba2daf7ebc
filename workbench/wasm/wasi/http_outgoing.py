"""``wasi:http/outgoing-handler``: a guest's request, handed to the imports or to the network.

The guest gets its future at once; the exchange runs on the loop meanwhile (interfaces.md §4.3).
On a lattice a request goes to the linked provider. Without one it goes nowhere, but to those hosts
that were granted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from workbench.wasm.hostcalls import LoopCall
from workbench.wasm.store import CallState
from workbench.wasm.wasi.http_bodies import BodySource, BodyStream
from workbench.wasm.wasi.http_fields import Fields, method_name, scheme_name
from workbench.wasm.wasi.http_messages import (
    FutureResponse,
    IncomingResponse,
    Options,
    OutgoingRequest,
)
from workbench.wasm.wasi.own_loop import OwnLoop
from workbench.wasm.wasi.table import WasiInterface, function
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, RequestOptions
from workbench.wire.wit.values import Case, Err, Ok

__all__ = ["OutgoingHandler"]

Http = Callable[[Any, HttpRequest, RequestOptions], Awaitable[HttpResponse]]

# What a real host waits at most where the guest set no timeout (interfaces.md §4.3).
LONGEST_CONNECT_S = 600.0


class OutgoingHandler(WasiInterface):
    id = "wasi:http/outgoing-handler"

    @function("handle")
    @staticmethod
    def handle(call: CallState, request: OutgoingRequest, options: Options | None) -> Any:
        if not request.authority:
            return Err(Case("HTTP-request-URI-invalid"))
        if not call.grants.permits_http(request.authority, scheme_name(request.scheme)):
            _explain_refusal(call, request.authority)
            return Err(Case("HTTP-request-denied"))
        # Only who sends requests pays for the import of an HTTP client.
        from workbench.wasm.wasi import http_client

        return _begin(call, http_client.send, request, options)

    @classmethod
    def bind(cls, body: Callable[..., Any], instance: str, imports: Any) -> Callable[..., Any]:
        if imports is None or not imports.provides(instance, "handle"):
            return body

        def handle(call: CallState, request: OutgoingRequest, options: Options | None) -> Any:
            if not request.authority:
                return Err(Case("HTTP-request-URI-invalid"))
            return _begin(call, imports.http, request, options)

        return handle


def _begin(call: CallState, http: Http, request: OutgoingRequest, options: Options | None) -> Ok:
    if call.port is None:
        call.service(OwnLoop)
    return Ok(FutureResponse(LoopCall(call, partial(_send, call, http, request, options))))


def _explain_refusal(call: CallState, authority: str) -> None:
    """Tell the person what the guest, which gets a bare error code, can't know."""
    line = (
        f"outgoing HTTP to {authority} is not granted; to allow it: "
        f"grants=Grants(http=[{authority!r}])"
    )
    call.stderr.append(line)
    if call.instantiator.on_log is not None:
        call.instantiator.on_log("stderr", line, call.ctx)


async def _send(
    call: CallState, http: Http, request: OutgoingRequest, options: Options | None
) -> IncomingResponse:
    sink = request.sealed_body(call)
    stream = BodyStream(sink)
    chosen = options or Options()
    sent = HttpRequest(
        method=method_name(request.method),
        path_with_query=request.path or "/",
        scheme=scheme_name(request.scheme) or "https",
        authority=request.authority,
        headers=request.headers.lowered(),
        body=b"" if sink.is_empty else stream,
        trailers=None if sink.is_empty else stream.trailers,
    )
    given = RequestOptions(chosen.connect, chosen.first_byte, chosen.between_bytes)
    limit = asyncio.timeout(_until_head_s(given))
    try:
        async with limit:
            response = await http(call.ctx, sent, given)
    except TimeoutError:
        if limit.expired():
            raise HttpError("connection-read-timeout") from None
        raise
    source = BodySource(
        call, response.body, response.trailers,
        between_bytes_s=_seconds(given.between_bytes_timeout_ns),
    )  # fmt: skip
    source.start()
    return IncomingResponse(Fields.received(response.headers), source, response.status)


def _until_head_s(options: RequestOptions) -> float | None:
    """How long the head of the response may take: only whoever sends knows when it connects."""
    if options.first_byte_timeout_ns is None:
        return None
    connect_s = _seconds(options.connect_timeout_ns)
    first_byte_s = _seconds(options.first_byte_timeout_ns)
    assert first_byte_s is not None
    return first_byte_s + (LONGEST_CONNECT_S if connect_s is None else connect_s)


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e9
