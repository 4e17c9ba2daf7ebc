"""The objects behind ``wasi:http/types`` resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.wasm.store import CallState
from workbench.wasm.wasi.http_bodies import BodySink, BodySource
from workbench.wasm.wasi.http_fields import Fields, FieldsError
from workbench.wire.wit.values import Case, Err, Ok

if TYPE_CHECKING:
    from workbench.wasm.hostcalls import LoopCall

__all__ = [
    "FutureResponse",
    "FutureTrailers",
    "IncomingBody",
    "IncomingMessage",
    "IncomingRequest",
    "IncomingResponse",
    "Options",
    "OutgoingBody",
    "OutgoingMessage",
    "OutgoingRequest",
    "OutgoingResponse",
    "ResponseOutparam",
]


class IncomingMessage:
    """What a request and a response that came in have in common."""

    def __init__(self, headers: Fields, source: BodySource) -> None:
        self.headers = headers
        self.source = source
        self.consumed = False

    def wasm_dropped(self, call: CallState) -> None:
        if not self.consumed and not call.ended:
            self.source.abandon()


class IncomingRequest(IncomingMessage):
    def __init__(
        self,
        headers: Fields,
        source: BodySource,
        *,
        method: Case,
        path: str | None,
        scheme: Case | None,
        authority: str | None,
    ) -> None:
        super().__init__(headers, source)
        self.method = method
        self.path = path
        self.scheme = scheme
        self.authority = authority


class IncomingResponse(IncomingMessage):
    def __init__(self, headers: Fields, source: BodySource, status: int) -> None:
        super().__init__(headers, source)
        self.status = status


class IncomingBody:
    def __init__(self, source: BodySource) -> None:
        self.source = source
        self.streamed = False

    def wasm_dropped(self, call: CallState) -> None:
        if not self.streamed and not call.ended:
            self.source.abandon()


class FutureTrailers:
    def __init__(self, source: BodySource) -> None:
        self.source = source
        self.taken = False


class OutgoingMessage:
    """What a request and a response of the guest have in common."""

    size_code = "HTTP-response-body-size"

    def __init__(self, headers: Fields) -> None:
        # The guest gave its fields away: it can look at them but not change them.
        self.headers = Fields(headers.entries(), immutable=True)
        self.sink: BodySink | None = None

    def open_body(self, call: CallState) -> BodySink | None:
        """The body, for the first who asks; none where ``content-length`` is no length."""
        if self.sink is not None:
            return None
        try:
            length = self.headers.content_length()
        except FieldsError:
            return None
        self.sink = BodySink(call, length, self.size_code)
        return self.sink

    def sealed_body(self, call: CallState) -> BodySink:
        """The body as it is sent: an empty one if the guest never opened it."""
        if self.sink is None:
            self.sink = BodySink(call)
            self.sink.finish(None)
        return self.sink


class OutgoingRequest(OutgoingMessage):
    size_code = "HTTP-request-body-size"

    def __init__(self, headers: Fields) -> None:
        super().__init__(headers)
        self.method = Case("get")
        self.path: str | None = None
        self.scheme: Case | None = None
        self.authority: str | None = None


class OutgoingResponse(OutgoingMessage):
    def __init__(self, headers: Fields) -> None:
        super().__init__(headers)
        self.status = 200


class OutgoingBody:
    def __init__(self, sink: BodySink) -> None:
        self.sink = sink
        self.written = False
        self.finished = False

    def wasm_dropped(self, call: CallState) -> None:
        # Dropped without finish: the message is cut short, its reader sees the end.
        self.sink.finish(None)


class ResponseOutparam:
    """Where the guest puts its response, once."""

    def __init__(self, deliver: Callable[[Ok | Err], None], dropped: Callable[[], None]) -> None:
        self.deliver = deliver
        self._dropped = dropped

    def wasm_dropped(self, call: CallState) -> None:
        if not call.ended:
            self._dropped()


class Options:
    """``request-options``: durations in nanoseconds."""

    def __init__(self) -> None:
        self.connect: int | None = None
        self.first_byte: int | None = None
        self.between_bytes: int | None = None


class FutureResponse:
    """An outgoing request under way; ``call`` yields the `IncomingResponse`."""

    def __init__(self, call: LoopCall) -> None:
        self.call = call
        self.taken = False

    def wasm_dropped(self, call: CallState) -> None:
        if not self.call.done:
            self.call.cancel()
