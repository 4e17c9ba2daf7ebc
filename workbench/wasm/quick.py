"""Short calls on the loop's own thread, without the hand-over to a worker and back.

The hand-over costs more than a tiny call, and while the loop is busy each time that the worker
takes the interpreter lock back costs a switch interval. So a call that may be short is tried on
the loop first. A try that reaches a host function, or an epoch deadline, is thrown away and made
again on a worker: until then the guest has had no effect that anybody could see.

What keeps the loop responsive: only small components, only values of bounded size, one epoch
slice at most for a try, few milliseconds of tries in one turn of the loop. A function that calls
the host is never tried again, one that was not short only after many calls on workers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import LimitHit
from workbench.wasm.linking import Linked
from workbench.wasm.store import CallState
from workbench.wire.wit.types import (
    STRING,
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
PENALTY = 256
LONGEST_PENALTY = 65_536
HOPELESS_FACTOR = 64
"""Calls that go to a worker after so many slow tries, or after one that was far too long."""


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
        if self.instance is not None:
            raise NotQuick("the guest goes on for too long", reason="epoch", limit="quick")
        super().check()


class QuickCalls:
    """Whether one exported function is worth a try on the loop.

    A function that proves not to be short goes to the workers for a while, each time for longer:
    a busy machine makes a short one look long now and then.
    """

    __slots__ = ("_penalty", "_rest", "_streak", "_strikes", "_texts", "possible")

    def __init__(self, function: Function, component_bytes: int) -> None:
        types = [kind for _, kind in function.params]
        texts = [index for index, kind in enumerate(types) if not _is_fixed(kind)]
        self._texts = tuple(texts)
        self._strikes = self._streak = self._rest = 0
        self._penalty = PENALTY
        self.possible = (
            component_bytes <= COMPONENT_BYTES
            and all(types[index] == STRING for index in texts)
            and (function.result is None or _is_fixed(function.result, texts_too=True))
        )

    def fits(self, args: Sequence[Any], port: LoopPort) -> bool:
        """Whether to try this call now."""
        if not self.possible or not port.has_time:
            return False
        if self._rest:
            self._rest -= 1
            return False
        return not self._texts or all(
            index < len(args) and isinstance(args[index], str) and len(args[index]) <= TEXT_LENGTH
            for index in self._texts
        )

    def took(self, since_ns: int, port: LoopPort) -> None:
        """Judge a try by the processor time of this thread since ``since_ns``."""
        spent = time.thread_time_ns() - since_ns
        port.spend(spent)
        if spent <= SHORT_NS:
            self._strikes = 0
            self._streak += 1
            if self._streak == PENALTY:
                self._penalty = PENALTY
            return
        self._streak = 0
        self._strikes += 1
        if self._strikes >= STRIKES or spent >= HOPELESS_NS:
            self._rest = self._penalty * (HOPELESS_FACTOR if spent >= HOPELESS_NS else 1)
            self._penalty = min(self._penalty * 2, LONGEST_PENALTY)
            self._strikes = 0


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
