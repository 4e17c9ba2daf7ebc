"""One request handed to a guest's ``wasi:http/incoming-handler``, and the response it sets.

The response goes out as soon as the guest calls ``response-outparam.set``; the guest may stream
the body afterwards. What goes wrong after that only ends the body early, as on a real host
(interfaces.md §4.3).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from workbench.errors import LimitHit, Trap
from workbench.wasm.store import CallState
from workbench.wasm.wasi.http_bodies import BodySink, BodySource, BodyStream
from workbench.wasm.wasi.http_fields import Fields, method_case, scheme_case
from workbench.wasm.wasi.http_messages import (
    IncomingRequest,
    OutgoingResponse,
    ResponseOutparam,
)
from workbench.wire.http import HttpError, HttpRequest, HttpResponse
from workbench.wire.wit.values import Err, Ok

__all__ = ["HttpExchange"]

log = logging.getLogger(__name__)


class HttpExchange:
    """Made on the loop; ``arguments`` are what the guest's ``handle`` is called with."""

    def __init__(
        self,
        call: CallState,
        request: HttpRequest,
        on_end: Callable[[BaseException | None], None] | None = None,
    ) -> None:
        self._call = call
        self._on_end = on_end
        self._sink: BodySink | None = None
        self._over = False
        self._head: asyncio.Future[HttpResponse] | None = asyncio.get_running_loop().create_future()
        self._source = BodySource(call, request.body, request.trailers)
        incoming = IncomingRequest(
            Fields.received(request.headers),
            self._source,
            method=method_case(request.method),
            path=request.path_with_query,
            scheme=scheme_case(request.scheme),
            authority=request.authority,
        )
        self._is_head = request.method == "HEAD"
        self.arguments = (incoming, ResponseOutparam(self._set, self._dropped))
        call.posts_at_end = True

    def _set(self, outcome: Ok | Err) -> None:
        """The guest sets its response. On the worker."""
        if isinstance(outcome, Ok):
            response = outcome.value
            self._sink = sink = response.sealed_body(self._call)
            sink.may_be_empty = self._is_head or response.status == 304
        self._call.post(self._deliver, outcome)

    def _dropped(self) -> None:
        """The guest has let go of its chance to respond; it may run on. On the worker."""
        self._call.post(self._fail, _no_response(self._call))
        self._call.send_posts()

    def _fail(self, error: BaseException) -> None:
        if self._head is not None and not self._head.done():
            self._head.set_exception(error)

    def _deliver(self, outcome: Ok | Err) -> None:
        if self._head is None or self._head.done():
            return
        if isinstance(outcome, Err):
            self._head.set_exception(HttpError(outcome.value.name, outcome.value.payload))
            return
        assert self._sink is not None
        self._head.set_result(self._response(outcome.value, self._sink))

    def _response(self, response: OutgoingResponse, sink: BodySink) -> HttpResponse:
        headers = response.headers.lowered()
        if self._over and sink.trailers is None:
            # The guest is through: there is nobody to wait for any more.
            return HttpResponse(response.status, headers, sink.take_all())
        stream = BodyStream(sink, self._settle)
        return HttpResponse(response.status, headers, stream, stream.trailers)

    async def response(self, job: Any) -> HttpResponse:
        """Wait for the head. Cancelling this stops the guest first."""
        self._job = job
        job.on_end(self._ended)
        self._source.start()
        assert self._head is not None
        try:
            return await self._head
        except asyncio.CancelledError:
            self._call.cancel()
            await job.settled()
            raise
        finally:
            # A response that its receiver drops must be seen to go: keep no hold on it.
            self._head = None

    async def _settle(self) -> None:
        await self._job.settled()

    def _ended(self, outcome: asyncio.Future[Any]) -> None:
        """The guest is through, well or not. On the loop."""
        self._over = True
        self._call.run_posts()
        error = asyncio.CancelledError() if outcome.cancelled() else outcome.exception()
        if self._head is not None and not self._head.done():
            self._fail(error or _no_response(self._call))
        elif error is not None and not isinstance(error, LimitHit):
            log.info("the guest failed after it had set its response: %s", error)
        if self._sink is not None and not self._sink.finished:
            self._sink.finish(None)
        if self._on_end is not None:
            self._on_end(error)


def _no_response(call: CallState) -> Trap:
    return Trap(
        "the component did not call response-outparam.set",
        hint="its handler let the request go without an answer",
        reason="no response", backtrace=[], stderr=list(call.stderr),
    )  # fmt: skip
