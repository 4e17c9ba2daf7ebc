"""What a served function is, and what it is told of the call it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.wire.wit.types import Function
from workbench.wire.wrpc.calls import CallName

if TYPE_CHECKING:
    from workbench.lattice.rpc_gate import Place

__all__ = ["Eager", "Functions", "Handler", "InvocationContext", "context_of", "first_step"]


class InvocationContext(NamedTuple):
    """Who calls what. Header values are what the caller claims; nothing vouches for them (§8).

    ``place`` is what the gate gave, where there is one: the handler gives it back.
    """

    target: str
    instance: str
    function: str
    source_id: str = ""
    link_name: str = "default"
    target_id: str = ""
    traceparent: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    call_id: int = 0
    place: Place | None = None


Handler = Callable[..., Awaitable[Any]]
"""``async def handler(context, *args) -> value``"""


def context_of(
    name: CallName, headers: Mapping[str, str] | None, call_id: int, place: Place | None
) -> InvocationContext:
    given = headers or {}
    get = given.get
    return InvocationContext(
        name.target,
        name.instance,
        name.function,
        get("source-id", ""),
        get("link-name", "") or "default",
        get("target-id", ""),
        get("traceparent", ""),
        given,
        call_id,
        place,
    )


class Eager:
    """A handler whose first step is made in the read loop itself, without a task of its own.

    For handlers that often need no more than that step: they save a turn of the loop and leave
    with the handshake in one write. The step must take microseconds and must not ask for the
    current task (`asyncio.timeout` and `asyncio.TaskGroup` do) before the first ``await`` that
    waits.
    """

    __slots__ = ("handler",)

    def __init__(self, handler: Handler) -> None:
        self.handler = handler


Functions = Mapping[str, Mapping[str, tuple[Function, Handler | Eager]]]
"""``{instance: {function name: (Function, handler)}}``"""


def first_step(coroutine: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None] | None:
    """Make the first step. Returns what is left, for a task to run, or None if that was all."""
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return _Rest(coroutine, awaited)


class _Rest(Coroutine[Any, Any, None]):
    """A coroutine that waits already, as one that a task can begin with.

    Not a coroutine function that awaits it: a task that is cancelled before its first step never
    enters that, and the work would not hear of it.
    """

    __slots__ = ("_awaited", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, None], awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def send(self, value: Any, /) -> Any:
        awaited, self._awaited = self._awaited, None
        return awaited if awaited is not None else self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        self._awaited = None
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("it is made for a task")
