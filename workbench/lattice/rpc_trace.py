"""What a call reports to the trace hook, and the W3C trace header it carries (wrpc.md §8)."""

from __future__ import annotations

import os
import re
from typing import Any

from workbench.lattice.trace import CallEvent, Phase, Side, Tracer, next_call_id
from workbench.wire.wit.types import Function
from workbench.wire.wrpc.redact import redact

__all__ = ["CallTrace", "child_traceparent"]

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def child_traceparent(parent: str = "") -> str:
    """A new span: in the trace of ``parent`` where that is valid, else in a new sampled trace."""
    span = os.urandom(8).hex()
    if _TRACEPARENT.fullmatch(parent):
        return f"{parent[:36]}{span}{parent[-3:]}"
    return f"00-{os.urandom(16).hex()}-{span}-01"


class CallTrace:
    """One call as one side reports it. Made only while somebody listens to the tracer."""

    __slots__ = ("_common", "_function", "_tracer", "request_bytes")

    def __init__(
        self,
        tracer: Tracer,
        side: Side,
        function: Function,
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
        self._function = function
        self.request_bytes = 0
        self._common: dict[str, Any] = {
            "call_id": call_id or next_call_id(), "side": side, "source": source, "target": target,
            "instance": instance, "function": name, "link_name": link_name or "default",
            "traceparent": traceparent, "subject": subject,
        }  # fmt: skip

    def started(self, args: tuple[Any, ...] | None, size: int, **when: Any) -> None:
        """``when`` may hold ``at_ns`` and ``wall_s`` of a start that lies in the past."""
        self.request_bytes = size
        params = None
        if args is not None:
            types = (type for _, type in self._function.params)
            params = tuple(redact(t, value) for t, value in zip(types, args, strict=False))
        self._emit(Phase.STARTED, params=params, request_bytes=size, **when)

    def handshake(self, **when: Any) -> None:
        self._emit(Phase.HANDSHAKE, **when)

    def first_byte(self) -> None:
        self._emit(Phase.FIRST_BYTE)

    def completed(self, value: Any, size: int) -> None:
        result = redact(self._function.result, value)
        self._emit(
            Phase.COMPLETED, result=result, request_bytes=self.request_bytes, response_bytes=size
        )

    def failed(self, error: BaseException) -> None:
        self._emit(Phase.FAILED, error=error, request_bytes=self.request_bytes)

    def _emit(self, phase: Phase, **fields: Any) -> None:
        self._tracer.emit(CallEvent(phase=phase, **self._common, **fields))
