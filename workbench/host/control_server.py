"""The control interface of one host: subjects in, replies out (control-interface.md §2).

This file knows subjects, queue groups, decoding and the order of reply and work; what an
operation does is in the ``*_operations`` modules. Requests run side by side, each in a task of
its own, and none of them can end the host: whatever a handler raises becomes an error reply.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import DecodeError, NatsError, WorkbenchError
from workbench.host.failures import outermost
from workbench.host.tasks import TaskOwner
from workbench.wire import subjects
from workbench.wire.control import OPERATIONS, parse_request, refused

if TYPE_CHECKING:
    from workbench.host.options import HostOptions
    from workbench.nats import Connection, Message, Subscription

__all__ = ["Answer", "ControlServer", "Handler", "Request"]

_log = logging.getLogger(__name__)

# The last token of these subjects is a host id or config name; the others have no such token.
_WITH_OBJECT = frozenset(
    {
        "host.get", "host.stop", "component.scale", "component.update", "provider.start",
        "provider.stop", "label.put", "label.del", "config.get", "config.put", "config.del",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """A decoded request. ``object`` is the last token of the subject; ``data`` the raw body."""

    body: Any
    object: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back (``None``: silence), and the work that starts once it is on the wire."""

    reply: bytes | None
    then: Callable[[], Coroutine[Any, Any, None]] | None = None


Handler = Callable[[Request], Awaitable[Answer]]


class ControlServer:
    """Subscribes, decodes, dispatches, replies."""

    def __init__(
        self,
        nc: Connection,
        *,
        lattice: str,
        host_id: str,
        options: HostOptions,
        handlers: Mapping[str, Handler],
    ) -> None:
        self._nc = nc
        self._lattice = lattice
        self._host_id = host_id
        self._options = options
        self._handlers = handlers
        self._subscriptions: list[Subscription] = []
        self._ready = asyncio.Event()
        self._requests = TaskOwner("control request")
        self._work = TaskOwner("work after a control request")

    async def subscribe(self) -> None:
        """Take requests from now on; they wait until `open` (§2.3)."""
        for subject, queue in self._subjects():
            self._subscriptions.append(
                await self._nc.subscribe(subject, self._received, queue=queue)
            )
        await self._nc.flush()

    def _subjects(self) -> list[tuple[str, str]]:
        options = self._options
        skipped = set()
        if not options.component_auctions:
            skipped.add("component.auction")
        if not options.provider_auctions:
            skipped.add("provider.auction")
        wanted = subjects.control_subscriptions(
            self._lattice, self._host_id, prefix=options.ctl_prefix
        )
        return [(s, queue) for s, queue in wanted if not s.endswith(tuple(skipped) or ("\0",))]

    def open(self) -> None:
        """Begin to handle requests, the waiting ones first."""
        self._ready.set()

    async def close(self, settle_s: float) -> None:
        """Take no more requests. Those at work get ``settle_s`` to be answered (§C.4); what was
        accepted and still goes on, such as a compilation, is given up."""
        for subscription in self._subscriptions:
            await subscription.unsubscribe()
        self._subscriptions.clear()
        await self._requests.settle(settle_s)
        await self._requests.close()
        await self._work.close()

    def _received(self, message: Message) -> None:
        self._requests.spawn(self._handle(message), name=message.subject[:200])

    async def _handle(self, message: Message) -> None:
        await self._ready.wait()
        answer = await self._answer(message)
        if answer.reply is not None and message.reply:
            try:
                await message.respond(answer.reply)
            except NatsError as error:
                _log.warning("no reply to %s: %s", message.subject[:200], error)
        if answer.then is not None:
            self._work.spawn(answer.then(), name=message.subject[:200])

    async def _answer(self, message: Message) -> Answer:
        found = subjects.parse_control(message.subject, prefix=self._options.ctl_prefix)
        operation = f"{found.noun}.{found.verb}" if found is not None else ""
        handler = self._handlers.get(operation)
        if found is None or handler is None or bool(found.object) != (operation in _WITH_OBJECT):
            return Answer(refused("unsupported subject"))
        try:
            body = parse_request(operation, message.data)
        except DecodeError as error:
            _log.info("bad body on %s: %s", message.subject[:200], error)
            return Answer(refused(_decode_text(operation)))
        try:
            return await handler(Request(body, found.object, message.data))
        except WorkbenchError as error:
            _log.warning("%s failed: %s", operation, error)
            return Answer(refused(outermost(error)))
        except Exception as error:
            _log.exception("%s failed", operation)
            return Answer(refused(outermost(error)))


def _decode_text(operation: str) -> str:
    if operation == "config.put":
        return "config data should be a map of string -> string"
    return f"failed to deserialize {OPERATIONS[operation].what}"
