"""One running provider as tasks of this process: the external contract, spoken from inside.

Source: providers.md §17 (checklist C), with the subjects of §5. The host that owns the provider
hands over links and config in-process, from its watch of the buckets; a provider that runs
without such a host (``follow_links=True``) takes links from the bus instead, where hosts announce
them. Never both: the same change arrives twice at different times, and a stale deletion would
close what a fresh put has opened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from workbench.errors import DecodeError, WorkbenchError
from workbench.lattice.http_neighbours import HttpNeighbours
from workbench.lattice.rpc import RpcClient, RpcServer, Served
from workbench.lattice.trace import Tracer
from workbench.nats import Connection, Message, Subscription
from workbench.providers.sdk import (
    Health,
    Provider,
    ProviderContext,
    ProviderFailed,
    exported_handlers,
)
from workbench.wire import subjects
from workbench.wire.jsontext import decode, encode
from workbench.wire.records import ResolvedLink

__all__ = ["LinkState", "ProviderTask"]

log = logging.getLogger(__name__)

LinkKey: TypeAlias = tuple[str, str, str, str, str]


class _Shutdown(msgspec.Struct):
    host_id: str = ""


class _HealthReply(msgspec.Struct, omit_defaults=True):
    """``message`` is optional on the wire (providers.md §6); ``healthy`` is not."""

    healthy: bool
    message: str = ""


@dataclass(slots=True)
class LinkState:
    """A link as this provider has it; ``error`` tells why it was not taken."""

    link: ResolvedLink
    error: str | None = None


class ProviderTask:
    """Runs one `Provider` under one id. The owner awaits `start` and, in the end, `stop`."""

    def __init__(
        self,
        nc: Connection,
        *,
        lattice: str,
        provider_id: str,
        provider: Provider,
        tracer: Tracer,
        host_id: str = "",
        config: Mapping[str, str] | None = None,
        links: Sequence[ResolvedLink] = (),
        log: Callable[[str, str], None] | None = None,
        follow_links: bool = False,
        neighbours: HttpNeighbours | None = None,
    ) -> None:
        self.provider = provider
        self.provider_id = provider_id
        self.stopped = asyncio.Event()
        self._nc = nc
        self._lattice = lattice
        self._log = log or _log_here
        self._initial_links = tuple(links)
        self._follow_links = follow_links
        self._links: dict[LinkKey, LinkState] = {}
        self._hooks = asyncio.Lock()
        self._subscriptions: list[Subscription] = []
        self._served: Served | None = None
        self._server = RpcServer(nc, lattice=lattice, tracer=tracer)
        self._rpc = RpcClient(nc, lattice=lattice, source_id=provider_id, tracer=tracer)
        self.context = ProviderContext(
            nc=nc, lattice=lattice, host_id=host_id, provider_id=provider_id, tracer=tracer,
            rpc=self._rpc, log=self._log, config=dict(config or {}), neighbours=neighbours,
        )  # fmt: skip

    # -- life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start, subscribe, then take the initial links (providers.md §16.4).

        Raises what the provider refuses with; a link that fails does not refuse the start.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop("start failed")
            raise

    async def _start(self) -> None:
        self.provider.context = self.context
        exports = exported_handlers(self.provider)
        async with self._hooks:
            await self.provider.on_start(self.context)
        if exports:
            self._served = await self._server.serve(self.provider_id, exports)
        await self._subscribe()
        for link in self._initial_links:
            await self._put_quietly(link)

    async def _subscribe(self) -> None:
        lattice, name = self._lattice, self.provider_id
        wanted: list[tuple[str, Callable[[Message], Awaitable[None]]]] = [
            (subjects.provider_health(lattice, name), self._on_health),
            (subjects.provider_shutdown(lattice, name), self._on_shutdown),
        ]
        if self._follow_links:
            wanted += [
                (subjects.provider_config_update(lattice, name), self._on_config),
                (subjects.linkdef_put(lattice, name), self._on_link_put),
                (subjects.linkdef_del(lattice, name), self._on_link_del),
            ]
        for subject, callback in wanted:
            self._subscriptions.append(await self._nc.subscribe(subject, callback))
        await self._nc.flush()

    async def stop(self, reason: str = "stop") -> None:
        """Shut the provider down and unsubscribe; harmless when it is down already."""
        await self._shut_down()
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            await subscription.unsubscribe()
        await self._rpc.close()

    async def _shut_down(self) -> None:
        async with self._hooks:
            if self.stopped.is_set():
                return
            self.stopped.set()
            try:
                await self.provider.on_shutdown()
            except Exception as error:
                # The rest must come down even if the provider's own clean-up fails.
                self._say("error", f"shutdown failed: {_text(error)}", error)
            if self._served is not None:
                await self._served.stop()
                self._served = None

    # -- links ---------------------------------------------------------------------------------

    @property
    def links(self) -> list[LinkState]:
        """Every link that was delivered, with the reason where it was refused."""
        return list(self._links.values())

    async def put_link(self, link: ResolvedLink) -> None:
        """Take a link. Idempotent; other config is an update, a refused link is tried again.

        Raises `ProviderFailed` when the provider refuses it.
        """
        if self.provider_id not in (link.source_id, link.target):
            raise ProviderFailed(f"the link {_name(link)} is not one of {self.provider_id}")
        async with self._hooks:
            known = self._links.get(_key(link))
            if self.stopped.is_set() or (known and known.error is None and known.link == link):
                return
            await self._deliver(known, link)

    async def _deliver(self, known: LinkState | None, link: ResolvedLink) -> None:
        state = self._links[_key(link)] = LinkState(link)
        taken = known is not None and known.error is None
        if known is not None and known.link in self.context.links:
            self.context.links.remove(known.link)
        try:
            if known is not None and taken:
                await self.provider.on_link_change(known.link, link)
            else:
                await self.provider.on_link_put(link)
        except Exception as error:
            # Whatever the provider's code raises, the link is refused and the provider runs on.
            state.error = _text(error)
            if isinstance(error, WorkbenchError):
                raise ProviderFailed(
                    f"link {_name(link)} failed: {error.message}", hint=error.hint
                ) from error
            raise ProviderFailed(f"link {_name(link)} failed: {state.error}") from error
        self.context.links.append(link)

    async def del_link(self, link: ResolvedLink) -> None:
        """Let go of a link; an unknown one is ignored. Never raises for the provider's errors."""
        async with self._hooks:
            known = self._links.pop(_key(link), None)
            if known is None or self.stopped.is_set():
                return
            if known.link in self.context.links:
                self.context.links.remove(known.link)
            if known.error is not None:
                return
            try:
                await self.provider.on_link_del(known.link)
            except Exception as error:
                self._say("error", f"deleting link {_name(link)} failed: {_text(error)}", error)

    async def _put_quietly(self, link: ResolvedLink) -> None:
        try:
            await self.put_link(link)
        except ProviderFailed as error:
            self._say("error", str(error), error.__cause__)

    # -- config and health ---------------------------------------------------------------------

    async def update_config(self, config: Mapping[str, str]) -> None:
        """Replace the named config; the provider hears of it when it changed."""
        async with self._hooks:
            if self.stopped.is_set() or dict(config) == dict(self.context.config):
                return
            self.context.config = dict(config)
            try:
                await self.provider.on_config(self.context.config)
            except Exception as error:
                self._say("error", f"the new config failed: {_text(error)}", error)

    async def health(self) -> Health:
        """The provider's own answer; an exception or a refused link is an unhealthy one
        (providers.md §6)."""
        try:
            health = await self.provider.health()
        except Exception as error:
            return Health(False, _text(error))
        refused = [state for state in self.links if state.error]
        if refused:
            words = "; ".join(f"link {_name(s.link)}: {s.error}" for s in refused)
            return Health(False, health.message or words, health.detail)
        return health

    # -- messages ------------------------------------------------------------------------------

    async def _on_health(self, message: Message) -> None:
        health = await self.health()
        await message.respond(encode(_HealthReply(health.healthy, health.message)))

    async def _on_shutdown(self, message: Message) -> None:
        try:
            asked = decode(message.data, _Shutdown, what="shutdown request").host_id
        except DecodeError:
            asked = ""  # as in the Rust SDK: a missing or invalid body counts as "" (§9)
        if asked != self.context.host_id or not message.reply:
            return
        await self._shut_down()
        await message.respond(b"shutting down")

    async def _on_config(self, message: Message) -> None:
        try:
            config = decode(message.data, dict[str, str], what="config update")
        except DecodeError as error:
            self._say("warn", error.message)
            return
        await self.update_config(config)

    async def _on_link_put(self, message: Message) -> None:
        if (link := self._link(message)) is not None:
            await self._put_quietly(link)

    async def _on_link_del(self, message: Message) -> None:
        if (link := self._link(message)) is not None:
            await self.del_link(link)

    def _link(self, message: Message) -> ResolvedLink | None:
        try:
            return decode(message.data, ResolvedLink, what="link definition")
        except DecodeError as error:
            self._say("warn", error.message)
            return None

    def _say(self, level: str, text: str, error: BaseException | None = None) -> None:
        if error is not None and not isinstance(error, WorkbenchError):
            log.error("provider %s: %s", self.provider_id, text, exc_info=error)
        self._log(level, text)


def _key(link: ResolvedLink) -> LinkKey:
    return (link.source_id, link.target, link.wit_namespace, link.wit_package, link.name)


def _name(link: ResolvedLink) -> str:
    name = "" if link.name == "default" else f" ({link.name})"
    return f"{link.source_id} → {link.target} {link.wit_namespace}:{link.wit_package}{name}"


def _text(error: BaseException) -> str:
    if isinstance(error, WorkbenchError):
        return error.message
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _log_here(level: str, text: str) -> None:
    log.log({"error": logging.ERROR, "warn": logging.WARNING}.get(level, logging.INFO), text)
