"""Gates: who may run now, who waits with a handshake, and who waits without (interfaces.md §6).

A call is taken up first, then its gate is asked. While one call waits there, no further call of
the same id is taken up on this connection: the requests behind it are held here, in the order in
which they came. The server of a queue group does not know, and goes on choosing this member.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from workbench.lattice.tasks import Tasks

if TYPE_CHECKING:
    from workbench.lattice.rpc_context import InvocationContext
    from workbench.nats import Message

__all__ = ["Gate", "Line", "Place"]

log = logging.getLogger(__name__)

HELD_CALLS = 16_384
HELD_BYTES = 64 * 1024 * 1024


class Place(Protocol):
    """The right to run one call."""

    def release(self) -> None:
        """Give it back; harmless twice."""
        ...


class Gate(Protocol):
    """Gives places to the calls of one id. The handler gives its place back."""

    def enter(self) -> Place | None:
        """A place that is free now and needs no question; None: `wait` for one."""
        ...

    async def wait(self, context: InvocationContext) -> Place:
        """A place, as soon as there is one. Raises to refuse the call."""
        ...


class TakenUp(Protocol):
    """A call that has its handshake."""

    context: InvocationContext

    def admit(self, place: Place) -> None: ...
    def refuse(self, error: Exception) -> None: ...


R = TypeVar("R")


class Line(Generic[R]):
    """The requests of one id, in front of its gate."""

    __slots__ = ("_gate", "_held", "_held_bytes", "_take_up", "_tasks", "_waits")

    def __init__(
        self, gate: Gate, tasks: Tasks, take_up: Callable[[R, Message, Place | None], TakenUp]
    ) -> None:
        self._gate = gate
        self._tasks = tasks
        self._take_up = take_up
        self._held: deque[tuple[R, Message]] = deque()
        self._held_bytes = 0
        self._waits = False

    def __len__(self) -> int:
        """How many requests are held without a handshake."""
        return len(self._held)

    def arrive(self, route: R, message: Message) -> None:
        if not self._waits:
            self._next(route, message)
        elif len(self._held) < HELD_CALLS and self._held_bytes < HELD_BYTES:
            self._held.append((route, message))
            self._held_bytes += len(message.data)
        else:
            log.warning("a call on %s is dropped: too many wait already", message.subject)

    def empty(self) -> list[tuple[R, Message]]:
        """Hold none any more; returns those that were held."""
        held, self._held = list(self._held), deque()
        self._held_bytes = 0
        return held

    def _next(self, route: R, message: Message) -> None:
        place = self._gate.enter()
        call = self._take_up(route, message, place)
        if place is None:
            self._waits = True
            self._tasks.start(self._wait(call))

    async def _wait(self, call: TakenUp) -> None:
        try:
            place = await self._gate.wait(call.context)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            call.refuse(error)
        else:
            call.admit(place)
        self._waits = False
        while self._held and not self._waits:
            route, message = self._held.popleft()
            self._held_bytes -= len(message.data)
            self._next(route, message)
