"""``wasi:http/outgoing-handler``: a guest's request, handed to the imports.

The guest gets its future at once; the exchange runs on the loop meanwhile (interfaces.md §4.3).
"""

from __future__ import annotations

from collections.abc import Callable
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
from workbench.wasm.wasi.table import WasiInterface, function
from workbench.wire.http import HttpRequest, RequestOptions
from workbench.wire.wit.values import Case, Err, Ok

__all__ = ["OutgoingHandler"]


class OutgoingHandler(WasiInterface):
    id = "wasi:http/outgoing-handler"

    @function("handle")
    @staticmethod
    def handle(call: CallState, request: OutgoingRequest, options: Options | None) -> Any:
        return Err(Case("HTTP-request-denied"))

    @classmethod
    def bind(cls, body: Callable[..., Any], instance: str, imports: Any) -> Callable[..., Any]:
        if imports is None or not imports.provides(instance, "handle"):
            return body

        def handle(call: CallState, request: OutgoingRequest, options: Options | None) -> Any:
            if call.port is None:
                return Err(Case("internal-error", "no event loop to send the request from"))
            if not request.authority:
                return Err(Case("HTTP-request-URI-invalid"))
            return Ok(
                FutureResponse(LoopCall(call, lambda: _send(call, imports, request, options)))
            )

        return handle


async def _send(
    call: CallState, imports: Any, request: OutgoingRequest, options: Options | None
) -> IncomingResponse:
    stream = BodyStream(request.sealed_body(call))
    chosen = options or Options()
    response = await imports.http(
        call.ctx,
        HttpRequest(
            method=method_name(request.method),
            path_with_query=request.path or "/",
            scheme=scheme_name(request.scheme) or "https",
            authority=request.authority,
            headers=request.headers.lowered(),
            body=stream,
            trailers=stream.trailers,
        ),
        RequestOptions(chosen.connect, chosen.first_byte, chosen.between_bytes),
    )
    source = BodySource(call, response.body, response.trailers)
    source.start()
    return IncomingResponse(Fields.received(response.headers), source, response.status)
