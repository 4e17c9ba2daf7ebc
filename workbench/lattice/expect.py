"""Wait for the event that tells how a command ended.

Hosts acknowledge before they act and announce the outcome as an event (control-interface.md
§5), so the subscription must stand before the command is sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType

from workbench.errors import RemoteError, RequestTimeout
from workbench.lattice.diagnosis import refusal
from workbench.nats import Connection, Message, Subscription
from workbench.wire import events, subjects

__all__ = [
    "Expectation",
    "Verdict",
    "host_stopped",
    "provider_started",
    "scaled",
    "updated",
]

log = logging.getLogger(__name__)

Verdict = Callable[[events.Event], bool]


class Expectation:
    """Async context: from entering it, events of one host are judged by ``verdict``.

    The verdict says whether the event is the awaited one, or raises what went wrong.
    """

    def __init__(self, nc: Connection, lattice: str, host_id: str, verdict: Verdict) -> None:
        self._nc = nc
        self._lattice = lattice
        self._host_id = host_id
        self._verdict = verdict
        self._subscription: Subscription | None = None
        self._outcome: asyncio.Future[events.Event] | None = None

    async def __aenter__(self) -> Expectation:
        self._outcome = asyncio.get_running_loop().create_future()
        self._subscription = await self._nc.subscribe(
            subjects.events(self._lattice), self._on_message
        )
        await self._nc.flush()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._subscription is not None:
            await self._subscription.unsubscribe()
        if self._outcome is not None:
            if self._outcome.done() and not self._outcome.cancelled():
                self._outcome.exception()  # taken, so that the loop does not complain
            self._outcome.cancel()

    async def outcome(self, timeout_s: float, *, what: str) -> events.Event:
        """The awaited event; raises what the verdict raised, or `RequestTimeout`."""
        assert self._outcome is not None, "enter the context first"
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(self._outcome)
        except TimeoutError as error:
            raise RequestTimeout(
                f"{what} was taken, but nothing was announced within {timeout_s:g} s",
                hint="it may still happen: %wasmcloud status",
                timeout_s=timeout_s,
            ) from error

    def _on_message(self, message: Message) -> None:
        assert self._outcome is not None
        if self._outcome.done():
            return
        try:
            event = events.parse(message.data)
            if event.source == self._host_id and self._verdict(event):
                self._outcome.set_result(event)
        except RemoteError as error:
            if getattr(error, "fields", {}).get("host_id") == self._host_id:
                self._outcome.set_exception(error)
            else:
                log.debug("an event that does not parse: %s", error)


# What announces the outcome of each command; a failure event raises the host's text. Failures are
# compared by id only: they carry the reference as it was sent.


def scaled(component_id: str, count: int) -> Verdict:
    def verdict(event: events.Event) -> bool:
        match event.payload:
            case events.ComponentScaled():
                payload = event.payload
                return payload.component_id == component_id and payload.max_instances == count
            case events.ComponentScaleFailed() if event.payload.component_id == component_id:
                raise refusal("component.scale", event.payload.error, event.source)
        return False

    return verdict


def updated(component_id: str, ref: str) -> Verdict:
    def verdict(event: events.Event) -> bool:
        payload = event.payload
        return (
            isinstance(payload, events.ComponentScaled)
            and payload.component_id == component_id
            and payload.image_ref == ref
            and payload.max_instances > 0
        )

    return verdict


def provider_started(provider_id: str) -> Verdict:
    def verdict(event: events.Event) -> bool:
        match event.payload:
            case events.ProviderStarted():
                return event.payload.provider_id == provider_id
            case events.ProviderStartFailed() if event.payload.provider_id == provider_id:
                raise refusal("provider.start", event.payload.error, event.source)
        return False

    return verdict


def host_stopped(event: events.Event) -> bool:
    return isinstance(event.payload, events.HostStopped)
