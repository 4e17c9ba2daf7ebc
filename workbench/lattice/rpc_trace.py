"""What a call reports to the trace hook, and the W3C trace header it carries (wrpc.md §8)."""

from __future__ import annotations

import os
import random
import re
import time
from typing import Any

from workbench.lattice.trace import CallEvent, Phase, Side, Tracer, next_call_id
from workbench.wire.wrpc import FunctionCodec
from workbench.wire.wrpc.redact import redact

__all__ = ["CallTrace", "child_traceparent", "new_traceparent"]

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


# Ids must differ, not be secret: a generator of our own, seeded by the system, apart from the one
# that a user may seed, and seeded again in a child process.
_ids = random.Random()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ids.seed)


def new_traceparent() -> str:
    """The root span of a new sampled trace."""
    return f"00-{_ids.getrandbits(128) or 1:032x}-{_ids.getrandbits(64) or 1:016x}-01"


def child_traceparent(parent: str = "") -> str:
    """A new span: in the trace of ``parent`` where that is valid, else in a new sampled trace."""
    if _TRACEPARENT.fullmatch(parent):
        return f"{parent[:36]}{_ids.getrandbits(64) or 1:016x}{parent[-3:]}"
    return new_traceparent()


class CallTrace:
    """One call as one side reports it. Made only while somebody listens to the tracer."""

    __slots__ = ("_codec", "_common", "_handshake_ns", "_id", "_side", "_tracer", "request_bytes")

    def __init__(
        self,
        tracer: Tracer,
        side: Side,
        codec: FunctionCodec,
        *,
        source: str,
        target: str,
        instance: str,
        name: str,
        link_name: str,
        traceparent: str,
        subject: str,
        call_id: int = 0,
    ) -> None:
        self._tracer = tracer
        self._codec = codec
        self.request_bytes = 0
        self._handshake_ns: int | None = None
        self._id = call_id or next_call_id()
        self._side = side
        # In the order of CallEvent's fields, which is quicker than by name.
        self._common = (
            source, target, instance, name, link_name or "default", traceparent, subject,
        )  # fmt: skip

    def started(
        self,
        args: tuple[Any, ...] | None,
        size: int,
        at_ns: int | None = None,
        wall_s: float | None = None,
    ) -> None:
        """``at_ns`` and ``wall_s`` tell of a start that lies in the past."""
        self.request_bytes = size
        params = args
        if args is not None and self._codec.has_async:
            pairs = zip(self._codec.param_types, args, strict=False)
            params = tuple(redact(type, value) for type, value in pairs)
        self._emit(Phase.STARTED, params, None, None, size, 0, at_ns, wall_s)

    def handshake(self, at_ns: int | None = None, wall_s: float | None = None) -> None:
        self._handshake_ns = time.perf_counter_ns() if at_ns is None else at_ns
        self._emit(Phase.HANDSHAKE, None, None, None, 0, 0, at_ns, wall_s)

    def first_byte(self) -> None:
        self._emit(Phase.FIRST_BYTE)

    def completed(self, value: Any, size: int) -> None:
        if self._codec.has_async:
            value = redact(self._codec.function.result, value)
        self._emit(Phase.COMPLETED, None, value, None, self.request_bytes, size)

    def failed(self, error: BaseException) -> None:
        self._emit(Phase.FAILED, None, None, error, self.request_bytes)

    def _emit(
        self,
        phase: Phase,
        params: tuple[Any, ...] | None = None,
        result: Any = None,
        error: BaseException | None = None,
        request_bytes: int = 0,
        response_bytes: int = 0,
        at_ns: int | None = None,
        wall_s: float | None = None,
    ) -> None:
        listeners = self._tracer.listeners[phase]
        if not listeners:
            return
        event = CallEvent(
            self._id, phase, self._side, *self._common, params, result, error,
            request_bytes, response_bytes,
            time.perf_counter_ns() if at_ns is None else at_ns,
            time.time() if wall_s is None else wall_s,
            self._handshake_ns,
        )  # fmt: skip
        for listener in listeners:
            listener(event)
