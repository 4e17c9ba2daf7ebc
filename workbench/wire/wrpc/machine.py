"""One call, seen from either side, without I/O (wrpc.md §5).

Rules of this file:

- Inputs are messages (by the *tail* of their subject below the own inbox), timeouts and
  ``cancel``; each returns a list of instructions and events (`calls.py`), to be carried out in
  order. Nothing here knows a clock, a socket or a task.
- A failure of the peer is a `Failed` event, never an exception. Only what the own side gives
  (arguments, a result) raises, and then the machine has not moved.
- An empty payload is the end of its subject and of nothing else. Whatever comes for a subject
  that is finished or unknown is ignored.

    CallerMachine                          CalleeMachine
    start    → request                     start   → handshake [Params]
    ""       → rest of params, end marker  .params → Params
    .results → FirstByte, Answered         finish  → result slices, end marker, channels
    .results.<path> → Items, Closed        .params.<path> → Items, Closed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from workbench.errors import DecodeError, UsageError
from workbench.wire.wrpc.calls import (
    Answered,
    CallName,
    Failed,
    FirstByte,
    Handshaken,
    Output,
    Params,
    Publish,
    SendChannel,
    call_timeout,
    handshake_timeout,
    incomplete_params,
    incomplete_results,
    mismatched,
    no_reply,
    no_responders,
    refused,
)  # fmt: skip
from workbench.wire.wrpc.codec import FunctionCodec
from workbench.wire.wrpc.decode import Decoder
from workbench.wire.wrpc.encode import Deferred
from workbench.wire.wrpc.inbound import Inbound, parse_path
from workbench.wire.wrpc.pending import AsyncValues, Path

__all__ = ["CalleeMachine", "CallerMachine", "Waiting", "first_chunk_limit"]

_PATH_TAIL = len(".results.")
_PARAMS_TAIL = len(".params.")


class Waiting(Enum):
    """What a caller was waiting for when its time ran out."""

    HANDSHAKE = "handshake"
    ANSWER = "answer"


def first_chunk_limit(max_payload: int, inbox: str, headers: Mapping[str, str] | None) -> int:
    """How many parameter bytes the request may carry (wrpc.md §5.1 step 3)."""
    limit = max_payload - len(inbox)
    if headers:
        # "NATS/1.0\r\n", the final "\r\n", and for each header ": " and "\r\n".
        limit -= 12 + sum(len(k.encode()) + len(v.encode()) + 4 for k, v in headers.items())
    if limit < 0:
        raise UsageError(
            "the headers of this call do not fit into one NATS message",
            hint="send fewer or shorter headers, or raise max_payload on the server",
            max_payload=max_payload,
        )
    return limit


def _at_most(headers: Mapping[str, str] | None) -> int:
    """A bound on the bytes of a header block: no character takes more than four."""
    if not headers:
        return 0
    return 12 + 4 * (len(headers) + len("".join(headers)) + len("".join(headers.values())))


def _slices(data: bytes, start: int, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(start, len(data), size))


def _channels_out(base: str, deferred: Sequence[Deferred]) -> list[Output]:
    return [
        SendChannel(f"{base}.{'.'.join(map(str, path))}", path, type, value)
        for path, type, value in deferred
    ]


class _Receiver:
    """The root bytes of one direction and, where the types ask for it, their channels."""

    __slots__ = ("decoder", "inbound")

    def __init__(self, decoder: Decoder, inbound: Inbound | None) -> None:
        self.decoder = decoder
        self.inbound = inbound

    def channel(self, text: str, data: bytes) -> list[Output]:
        path = parse_path(text)
        if self.inbound is None or path is None:
            return []
        return self.inbound.receive(path, data)

    def close(self, error: Exception | None) -> list[Output]:
        return [] if self.inbound is None else self.inbound.close(error)

    def drop(self, path: Path) -> None:
        if self.inbound is not None:
            self.inbound.drop(path)

    @property
    def is_open(self) -> bool:
        return self.inbound is not None and self.inbound.is_open


class CallerMachine:
    """The calling side. ``finished`` once nothing more needs to be received."""

    __slots__ = ("_cancelled", "_deferred", "_failed", "_headers", "_inbox", "_limit", "_name",
                 "_params", "_results", "_sent", "answered", "codec", "peer",
                 "request_size", "subject")  # fmt: skip

    def __init__(
        self,
        codec: FunctionCodec,
        args: Sequence[Any],
        *,
        name: CallName,
        subject: str,
        inbox: str,
        headers: Mapping[str, str] | None,
        max_payload: int,
        async_values: AsyncValues | None = None,
    ) -> None:
        self.codec = codec
        self._params, self._deferred = codec.encode_params(args)
        self._name = name
        self.subject = subject
        self._inbox = inbox
        self._headers = headers
        self._limit = max_payload
        size = len(self._params)
        # Counting the headers exactly takes longer than most calls take to encode.
        self._sent = (
            size
            if size + len(inbox) + _at_most(headers) <= max_payload
            else first_chunk_limit(max_payload, inbox, headers)
        )
        self._results = _receiver(
            codec.result_channels, codec.has_dynamic_result, codec, async_values, results=True
        )
        self.request_size = size
        self.peer = ""
        self.answered = False
        self._failed = False
        self._cancelled = False

    @property
    def finished(self) -> bool:
        if self._failed:
            return True
        if self._cancelled:
            return bool(self.peer)
        return self.answered and bool(self.peer) and not self._results.is_open

    @property
    def params(self) -> bytes:
        """The root parameter bytes, for a trace."""
        return self._params

    def start(self) -> list[Output]:
        first = self._params[: self._sent]
        return [Publish(self.subject, first, self._inbox, self._headers)]

    def receive(
        self,
        tail: str,
        data: bytes,
        *,
        reply: str = "",
        status: int | None = None,
        description: str = "",
    ) -> list[Output]:
        """A message on the own inbox + ``tail``."""
        if self._failed:
            return []
        try:
            if tail == ".results":
                return self._receive_results(data)
            if not tail:
                return self._receive_handshake(reply, status, description)
            if tail.startswith(".results.") and not self._cancelled:
                return self._results.channel(tail[_PATH_TAIL:], data)
        except DecodeError as error:
            error.fields.update(self._name._asdict())
            return self._fail(error)
        return []

    def _receive_handshake(self, reply: str, status: int | None, text: str) -> list[Output]:
        if self.peer:
            return []
        if status is not None:
            return [] if self._cancelled else self._fail(_status_error(self._name, status, text))
        if not reply:
            return [] if self._cancelled else self._fail(no_reply(self._name))
        self.peer = reply
        base = f"{reply}.params"
        if self._cancelled:
            # Without its end marker a callee may wait for the rest of the parameters for ever.
            return [Publish(base)]
        outputs: list[Output] = [Handshaken(reply)]
        if self._sent < len(self._params):
            outputs += [
                Publish(base, part) for part in _slices(self._params, self._sent, self._limit)
            ]
        outputs.append(Publish(base))
        if self._deferred:
            outputs += _channels_out(base, self._deferred)
        return outputs

    def _receive_results(self, data: bytes) -> list[Output]:
        if self.answered or self._cancelled:
            return []
        decoder = self._results.decoder
        if not data:
            if decoder.values is None:
                return self._fail(incomplete_results(self._name, decoder.received))
            return self._answer(decoder)
        outputs: list[Output] = [] if decoder.received or decoder.trailing else [FirstByte()]
        if not decoder.feed(data):
            return outputs
        if decoder.trailing:
            return outputs + self._fail(mismatched(self._name, "the result", decoder.trailing))
        return outputs + self._answer(decoder)

    def _answer(self, decoder: Decoder) -> list[Output]:
        self.answered = True
        value = decoder.values[0] if decoder.values else None
        outputs: list[Output] = [Answered(value, decoder.received)]
        if self._results.inbound is not None:
            outputs += self._results.inbound.rooted()
        return outputs

    def _fail(self, error: Exception) -> list[Output]:
        self._failed = True
        told = self.answered or self._cancelled
        outputs: list[Output] = [] if told else [Failed(error)]
        return [*outputs, *self._results.close(error)]

    def timeout(self, waiting: Waiting, timeout_s: float) -> list[Output]:
        """The time for the handshake or for the answer is over. A stale timeout does nothing."""
        if self._failed or self._cancelled or self.answered:
            return []
        if not self.peer:
            error = handshake_timeout(self._name, timeout_s)
            return self._give_up(error)
        if waiting is Waiting.HANDSHAKE:
            return []
        return self._give_up(call_timeout(self._name, timeout_s))

    def abort(self, error: Exception) -> list[Output]:
        """The own side can't go on: the connection is closed, or a parameter stream raised."""
        return [] if self._failed else self._fail(error)

    def cancel(self) -> list[Output]:
        """Nobody waits for the answer any more. A late handshake still gets its end marker."""
        self._cancelled = True
        return self._results.close(None)

    def _give_up(self, error: Exception) -> list[Output]:
        return [Failed(error), *self.cancel()]

    def drop(self, path: Path) -> None:
        """Nobody reads the stream at ``path`` any more."""
        self._results.drop(path)


class CalleeMachine:
    """The serving side of one call. ``finished`` once nothing more needs to be received."""

    __slots__ = ("_closed", "_limit", "_name", "_params", "_reply", "codec", "inbox", "started")

    def __init__(
        self,
        codec: FunctionCodec,
        *,
        name: CallName,
        inbox: str,
        reply: str,
        max_payload: int,
        async_values: AsyncValues | None = None,
    ) -> None:
        self.codec = codec
        self.inbox = inbox
        self._name = name
        self._reply = reply
        self._limit = max_payload
        self._params = _receiver(
            codec.param_channels, codec.has_dynamic_params, codec, async_values, results=False
        )
        self.started = False
        self._closed = False

    @property
    def finished(self) -> bool:
        return self._closed and not self._params.is_open

    @property
    def received(self) -> int:
        return self._params.decoder.received

    def start(self, data: bytes) -> list[Output]:
        """The request arrived. The handshake goes out before anything is looked at (§5.2)."""
        outputs: list[Output] = [Publish(self._reply, b"", self.inbox)]
        decoder = self._params.decoder
        if data or decoder.values is not None:
            outputs += self._feed(data)
        return outputs

    def receive(self, tail: str, data: bytes) -> list[Output]:
        """A message on the own inbox + ``tail``."""
        if tail == ".params":
            if self.started or self._closed:
                return []
            if data:
                return self._feed(data)
            return self.fail(incomplete_params(self._name, self.received))
        if tail.startswith(".params."):
            try:
                return self._params.channel(tail[_PARAMS_TAIL:], data)
            except DecodeError as error:
                return self.fail(error)
        return []

    def _feed(self, data: bytes) -> list[Output]:
        decoder = self._params.decoder
        try:
            complete = decoder.feed(data)
        except DecodeError as error:
            error.fields.update(self._name._asdict())
            return self.fail(error)
        if not complete:
            return []
        if decoder.trailing:
            return self.fail(mismatched(self._name, "the parameters", decoder.trailing))
        self.started = True
        outputs: list[Output] = [Params(decoder.values or (), decoder.received)]
        if self._params.inbound is not None:
            outputs += self._params.inbound.rooted()
        return outputs

    def finish(self, value: Any) -> list[Output]:
        """The function returned. Raises `ValueMismatch` if the value does not fit; then `fail`."""
        if self._closed:
            return []
        data, deferred = self.codec.encode_result(value)
        self._closed = True
        base = f"{self._reply}.results"
        outputs: list[Output]
        if 0 < len(data) <= self._limit:
            outputs = [Publish(base, data), Publish(base)]
        else:
            outputs = [Publish(base, part) for part in _slices(data, 0, self._limit)]
            outputs.append(Publish(base))
        if deferred:
            outputs += _channels_out(base, deferred)
        return outputs

    def fail(self, error: Exception) -> list[Output]:
        """The call is over: the empty end marker is all that the caller will see (§7)."""
        if self._closed:
            return []
        self._closed = True
        marker = Publish(f"{self._reply}.results")
        return [marker, Failed(error), *self._params.close(error)]

    def timeout(self, timeout_s: float) -> list[Output]:
        """The parameters did not become complete in time."""
        return [] if self.started else self.fail(call_timeout(self._name, timeout_s))

    def close_channels(self, error: Exception | None = None) -> list[Output]:
        """End the parameter streams, as when the function is done with them."""
        return self._params.close(error)

    def drop(self, path: Path) -> None:
        self._params.drop(path)


def _receiver(
    known: Mapping[Path, Any],
    dynamic: bool,
    codec: FunctionCodec,
    async_values: AsyncValues | None,
    *,
    results: bool,
) -> _Receiver:
    inbound = None
    if known or dynamic:
        inbound = Inbound(known, dynamic=dynamic, async_values=async_values, limits=codec.limits)
    make = codec.result_decoder if results else codec.params_decoder
    return _Receiver(make(inbound), inbound)


def _status_error(name: CallName, status: int, description: str) -> Exception:
    if status == 503:
        return no_responders(name)
    if status == 408:
        return handshake_timeout(name, 0.0)
    if status == 409:
        return incomplete_results(name, 0)
    return refused(name, status, description)
