"""Short calls on the loop's own thread, without the hand-over to a worker and back.

The hand-over costs more than a tiny call, and while the loop is busy each time that the worker
takes the interpreter lock back costs a switch interval. So a call that may be short is tried on
the loop first. A try that reaches a host function, or an epoch deadline, is thrown away and made
again on a worker: until then the guest has had no effect that anybody could see.

What keeps the loop responsive: only small components, only values of bounded size, one epoch
slice at most for a try, few milliseconds of tries in one turn of the loop, and a function that
proves not to be short is never tried again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import LimitHit
from workbench.wasm.linking import Linked
from workbench.wasm.store import CallState
from workbench.wire.wit.types import (
    Enum,
    Flags,
    Function,
    Option,
    Prim,
    Record,
    Result,
    Tuple,
    Type,
    Variant,
)

if TYPE_CHECKING:
    from workbench.wasm.hostcalls import Target
    from workbench.wasm.workers import LoopPort

__all__ = ["NotQuick", "QuickCalls", "QuickState", "RefusingLinked"]

COMPONENT_BYTES = 1024 * 1024
"""Larger components take longer to instantiate than a hand-over takes."""
TEXT_LENGTH = 16 * 1024
SHORT_NS = 500_000
HOPELESS_NS = 5_000_000
STRIKES = 3


class NotQuick(LimitHit):
    """The guest called the host or went on for too long: to be made again on a worker."""


class RefusingLinked(Linked):
    """A linker whose host functions stop the guest instead of doing anything."""

    def _add_function(self, scope: int, instance: str, function: Function, target: Target) -> None:
        super()._add_function(scope, instance, function, _refuse)


def _refuse(state: CallState, *_: Any) -> Any:
    raise NotQuick("the guest calls the host", reason="host call", limit="quick")


class QuickState(CallState):
    """The state of a try; its first epoch deadline ends it."""

    def check(self) -> None:
        if self.store:
            raise NotQuick("the guest goes on for too long", reason="epoch", limit="quick")
        super().check()


class QuickCalls:
    """Whether one exported function is worth a try on the loop."""

    __slots__ = ("_strikes", "_texts", "possible")

    def __init__(self, function: Function, component_bytes: int) -> None:
        types = [kind for _, kind in function.params]
        texts = [index for index, kind in enumerate(types) if not _is_fixed(kind)]
        self._texts = tuple(texts)
        self._strikes = 0
        self.possible = (
            component_bytes <= COMPONENT_BYTES
            and all(types[index] == Prim("string") for index in texts)
            and (function.result is None or _is_fixed(function.result, texts_too=True))
        )

    def fits(self, args: Sequence[Any], port: LoopPort) -> bool:
        """Whether to try this call now."""
        return (
            self.possible
            and port.has_time
            and all(
                index < len(args)
                and isinstance(args[index], str)
                and len(args[index]) <= TEXT_LENGTH
                for index in self._texts
            )
        )

    def took(self, since_ns: int, port: LoopPort) -> None:
        """Judge a try by the processor time of this thread since ``since_ns``."""
        spent = time.thread_time_ns() - since_ns
        port.spend(spent)
        if spent <= SHORT_NS:
            self._strikes = 0
            return
        self._strikes += 1
        if self._strikes >= STRIKES or spent >= HOPELESS_NS:
            self.possible = False


def _is_fixed(kind: Type, *, texts_too: bool = False) -> bool:
    """Whether values of a type have a bounded size, or hold strings at most.

    wasmtime moves lists item by item, which no epoch interrupts; strings are copied in bulk.
    """
    match kind:
        case Prim(name):
            return texts_too or name != "string"
        case Enum() | Flags():
            return True
        case Option(item):
            inside = [item]
        case Result(ok, err):
            inside = [side for side in (ok, err) if side is not None]
        case Tuple(items):
            inside = list(items)
        case Record(_, fields):
            inside = [item for _, item in fields]
        case Variant(_, cases):
            inside = [item for _, item in cases if item is not None]
        case _:
            return False
    return all(_is_fixed(item, texts_too=texts_too) for item in inside)
