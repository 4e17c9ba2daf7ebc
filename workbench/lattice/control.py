"""The control client: every operation of the control interface, typed and awaitable.

Requests go to the hosts of one lattice (control-interface.md §5-13). What a host refuses is
`ControlError` with the host's own text; nobody there is `NoResponders` with a diagnosis. Better
than upstream's client in three ways: gathers end when the answers stop coming, one broken reply
hides no other, and a start can be awaited by the id it is about (§13.1, §13.2).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import NoResponders, NotFound, RemoteError, RequestTimeout
from workbench.lattice.diagnosis import (
    ambiguous,
    check_ids,
    check_label,
    config_name,
    host_label,
    nobody,
    only_one,
    refusal,
)
from workbench.lattice.expect import (
    Expectation,
    Verdict,
    host_stopped,
    provider_started,
    scaled,
    updated,
)
from workbench.nats import Connection
from workbench.wire import control, events, subjects
from workbench.wire.records import Link, check_link

__all__ = ["Ack", "ControlClient"]

log = logging.getLogger(__name__)

# §13.1 and §13.2: what upstream's client and wash wait.
TIMEOUT_S = 2.0
# A host answers pings and auctions at once; after this long without a further answer all are in.
QUIET_S = 0.25


@dataclass(frozen=True, slots=True)
class Ack:
    """A host took a request. ``event`` is what it announced, when that was awaited."""

    host_id: str
    message: str = ""
    event: events.Event | None = None


class ControlClient:
    """Drives the hosts of one lattice.

    Wherever a method takes ``host``, it is an id, the unique beginning of one, or a friendly
    name; ``None`` lets the client find the host (an auction for starts, the one that runs it
    otherwise). ``wait_s`` makes a start, scale or stop wait for the host's event.
    """

    def __init__(
        self,
        nc: Connection,
        lattice: str = "default",
        *,
        timeout_s: float = TIMEOUT_S,
        quiet_s: float | None = QUIET_S,
        prefix: str = subjects.CONTROL_PREFIX,
    ) -> None:
        self.nc = nc
        self.lattice = lattice
        self.timeout_s = timeout_s
        self._quiet_s = quiet_s
        self._prefix = prefix
        # Hosts read, change and write a spec without a revision check (§11.2, traps).
        self._links_lock = asyncio.Lock()

    # Hosts ------------------------------------------------------------------------------------

    async def hosts(self, *, timeout_s: float | None = None) -> list[control.HostSummary]:
        """Every host that answers a ping, by id; an empty lattice gives an empty list."""
        found = await self._gather("host", "ping", b"", timeout_s)
        return sorted(found, key=lambda host: host.id)

    async def inventory(self, host: str) -> control.Inventory:
        """What one host runs."""
        return (await self._ask("host", "get", None, of=await self.host_id(host))).response

    async def inventories(self) -> list[control.Inventory]:
        """What every host runs, by host id; a host that does not answer is left out."""
        found = await asyncio.gather(
            *(self._inventory_or_none(host.id) for host in await self.hosts())
        )
        return [inventory for inventory in found if inventory is not None]

    async def host_id(self, name: str) -> str:
        """The id of the host that ``name`` means; `NotFound` or `AmbiguousName` with matches."""
        if len(name) == 56 and name.startswith("N") and subjects.is_token(name):
            return name
        hosts = await self.hosts()
        if not hosts:
            raise nobody(self.lattice)
        wanted = name.strip().lower()
        for matches in (
            [h for h in hosts if wanted in (h.id.lower(), h.friendly_name.lower())],
            [h for h in hosts if wanted and h.id.lower().startswith(wanted)],
            [h for h in hosts if wanted and wanted in h.friendly_name.lower()],
        ):
            if len(matches) == 1:
                return matches[0].id
            if matches:
                raise ambiguous(f"{name!r} fits {len(matches)} hosts", matches)
        raise NotFound(
            f"no host of lattice {self.lattice!r} is called {name!r}",
            hint="hosts there: " + ", ".join(map(host_label, hosts)),
            matches=[host.id for host in hosts],
        )

    async def stop_host(
        self, host: str, *, timeout_ms: int | None = None, wait_s: float | None = None
    ) -> Ack:
        """Stop a host; ``timeout_ms`` bounds its shutdown."""
        host_id = await self.host_id(host)
        request = control.StopHost(host_id=host_id, timeout=timeout_ms)
        return await self._command("host", "stop", host_id, request, host_stopped, wait_s)

    async def put_label(self, host: str, key: str, value: str) -> Ack:
        """Set a label of a running host; it is lost when the host restarts."""
        host_id = await self.host_id(host)
        check_label(key)
        return await self._command("label", "put", host_id, control.PutLabel(key=key, value=value))

    async def delete_label(self, host: str, key: str) -> Ack:
        """Remove a label of a running host."""
        host_id = await self.host_id(host)
        check_label(key)
        return await self._command("label", "del", host_id, control.DeleteLabel(key=key))

    # Components -------------------------------------------------------------------------------

    async def start_component(
        self,
        host: str | None,
        ref: str,
        component_id: str,
        *,
        count: int = 1,
        annotations: Mapping[str, str] | None = None,
        config: Sequence[str] = (),
        limits: Mapping[str, str] | None = None,
        constraints: Mapping[str, str] | None = None,
        wait_s: float | None = None,
    ) -> Ack:
        """Run a component with up to ``count`` instances at once; without host, where it fits."""
        check_ids(component_id, ref)
        if host is None:
            bids = await self.component_auction(ref, component_id, constraints or {})
            host_id = await self._chosen(bids, component_id, ref, constraints)
        else:
            host_id = await self.host_id(host)
        request = control.ScaleComponent(
            component_ref=ref,
            component_id=component_id,
            annotations=None if annotations is None else dict(annotations),
            count=count,
            host_id=host_id,
            config=tuple(config),
            component_limits=None if limits is None else dict(limits),
        )
        return await self._command(
            "component", "scale", host_id, request, scaled(component_id, count), wait_s
        )

    async def scale(
        self,
        host: str | None,
        component_id: str,
        count: int,
        *,
        ref: str = "",
        annotations: Mapping[str, str] | None = None,
        config: Sequence[str] = (),
        wait_s: float | None = None,
    ) -> Ack:
        """Change how many instances of a running component may run at once; 0 stops it.

        Its reference and annotations stay unless given. The inventory does not tell the config
        names of a running component: name them again, or it runs without (§8.1).
        """
        host_id, running = await self._running_component(host, component_id)
        if annotations is None and running.annotations:
            annotations = running.annotations
        return await self.start_component(
            host_id,
            ref or running.image_ref,
            component_id,
            count=count,
            annotations=annotations,
            config=config,
            wait_s=wait_s,
        )

    async def update(
        self,
        host: str | None,
        component_id: str,
        ref: str,
        *,
        annotations: Mapping[str, str] | None = None,
        wait_s: float | None = None,
    ) -> Ack:
        """Other code under the same id. Annotations are kept unless given.

        A host announces no failed update (§8.2): awaiting one ends with `RequestTimeout`.
        """
        check_ids(component_id, ref)
        host_id, running = await self._running_component(host, component_id)
        kept = running.annotations if annotations is None else dict(annotations)
        request = control.UpdateComponent(
            component_id=component_id,
            annotations=kept or None,
            host_id=host_id,
            new_component_ref=ref,
        )
        if running.image_ref == ref:
            wait_s = None  # nothing changes, nothing is announced
        return await self._command(
            "component", "update", host_id, request, updated(component_id, ref), wait_s
        )

    async def stop_component(
        self, host: str | None, component_id: str, *, wait_s: float | None = None
    ) -> Ack:
        """Stop a component on one host."""
        host_id, running = await self._running_component(host, component_id)
        request = control.ScaleComponent(
            component_ref=running.image_ref, component_id=component_id, count=0, host_id=host_id
        )
        return await self._command(
            "component", "scale", host_id, request, scaled(component_id, 0), wait_s
        )

    async def component_auction(
        self,
        ref: str,
        component_id: str,
        constraints: Mapping[str, str],
        *,
        timeout_s: float | None = None,
    ) -> list[control.ComponentBid]:
        """The bids of all hosts whose labels fit; a bid promises nothing (§7)."""
        request = control.ComponentAuction(
            component_ref=ref, component_id=component_id, constraints=dict(constraints)
        )
        return await self._gather("component", "auction", control.encode(request), timeout_s)

    # Providers --------------------------------------------------------------------------------

    async def start_provider(
        self,
        host: str | None,
        ref: str,
        provider_id: str,
        *,
        config: Sequence[str] = (),
        annotations: Mapping[str, str] | None = None,
        constraints: Mapping[str, str] | None = None,
        wait_s: float | None = None,
    ) -> Ack:
        """Start a provider; without host, where its id does not run yet and the labels fit."""
        check_ids(provider_id, ref)
        if host is None:
            bids = await self.provider_auction(ref, provider_id, constraints or {})
            host_id = await self._chosen(bids, provider_id, ref, constraints)
        else:
            host_id = await self.host_id(host)
        request = control.StartProvider(
            provider_id=provider_id,
            provider_ref=ref,
            host_id=host_id,
            config=tuple(config),
            annotations=None if annotations is None else dict(annotations),
        )
        return await self._command(
            "provider", "start", host_id, request, provider_started(provider_id), wait_s
        )

    async def stop_provider(self, host: str | None, provider_id: str) -> Ack:
        """Stop a provider; the host answers when it is gone."""
        host_id = await self.host_id(host) if host else await self._provider_host(provider_id)
        request = control.StopProvider(host_id=host_id, provider_id=provider_id)
        return await self._command("provider", "stop", host_id, request)

    async def provider_auction(
        self,
        ref: str,
        provider_id: str,
        constraints: Mapping[str, str],
        *,
        timeout_s: float | None = None,
    ) -> list[control.ProviderBid]:
        """The bids of all hosts whose labels fit and that do not run the id yet."""
        request = control.ProviderAuction(
            provider_ref=ref, provider_id=provider_id, constraints=dict(constraints)
        )
        return await self._gather("provider", "auction", control.encode(request), timeout_s)

    # Links, config, claims --------------------------------------------------------------------

    async def links(self) -> list[Link]:
        """All links that the answering host knows; it may lag behind a put (§11.4)."""
        return list((await self._ask("link", "get", None)).response or ())

    async def put_link(self, link: Link) -> None:
        """Put a link; putting it again with other interfaces or configs replaces it."""
        async with self._links_lock:
            await self._ask("link", "put", check_link(link))

    async def delete_link(
        self, source_id: str, wit_namespace: str, wit_package: str, *, name: str = "default"
    ) -> None:
        """Delete the first link of this source, package and name; no match is no error (§11.3)."""
        request = control.DeleteLink(
            source_id=source_id, name=name, wit_namespace=wit_namespace, wit_package=wit_package
        )
        async with self._links_lock:
            await self._ask("link", "del", request)

    async def put_config(self, name: str, values: Mapping[str, str]) -> None:
        """Put a named config, replacing the whole map."""
        await self._ask("config", "put", dict(values), of=config_name(name))

    async def get_config(self, name: str) -> dict[str, str] | None:
        """A named config, ``None`` if there is none."""
        return (await self._ask("config", "get", None, of=config_name(name))).response

    async def delete_config(self, name: str) -> None:
        """Delete a named config; links and components that name it keep running."""
        await self._ask("config", "del", None, of=config_name(name))

    async def claims(self) -> list[control.ClaimsView]:
        """The claims that the answering host knows, as flat string maps."""
        return list((await self._ask("claims", "get", None)).response or ())

    async def put_registries(self, credentials: Mapping[str, control.RegistryCredential]) -> int:
        """Hand registry credentials to every host; returns how many took them."""
        body = control.encode(dict(credentials))
        replies = await self._replies("registry", "put", body, None)
        return sum(reply.success for reply in replies)

    # Plumbing ---------------------------------------------------------------------------------

    def _subject(self, noun: str, verb: str, of: str = "") -> str:
        return subjects.control(self.lattice, noun, verb, of, prefix=self._prefix)

    async def _ask(self, noun: str, verb: str, body: Any, *, of: str = "") -> control.Reply:
        operation = f"{noun}.{verb}"
        data = b"" if body is None else control.encode(body)
        try:
            message = await self.nc.request(
                self._subject(noun, verb, of), data, timeout_s=self.timeout_s
            )
        except NoResponders as error:
            about_host = of if noun not in ("config",) else ""
            raise nobody(self.lattice, about_host) from error
        except RequestTimeout as error:
            if not self.nc.is_connected:
                raise
            who = f"host {of}" if of and noun != "config" else f"lattice {self.lattice!r}"
            raise RequestTimeout(
                f"{who} did not answer {operation} within {self.timeout_s:g} s",
                hint="a host may answer late while it compiles a component; ask again",
                operation=operation,
            ) from error
        reply = control.parse_reply(operation, message.data)
        if not reply.success:
            raise refusal(operation, reply.message, of)
        return reply

    async def _command(
        self,
        noun: str,
        verb: str,
        host_id: str,
        request: Any,
        verdict: Verdict | None = None,
        wait_s: float | None = None,
    ) -> Ack:
        if wait_s is None or verdict is None:
            reply = await self._ask(noun, verb, request, of=host_id)
            return Ack(host_id, reply.message)
        async with Expectation(self.nc, self.lattice, host_id, verdict) as expected:
            reply = await self._ask(noun, verb, request, of=host_id)
            event = await expected.outcome(wait_s, what=f"{noun}.{verb} on host {host_id}")
        return Ack(host_id, reply.message, event)

    async def _replies(
        self, noun: str, verb: str, data: bytes, timeout_s: float | None
    ) -> list[control.Reply]:
        operation = f"{noun}.{verb}"
        messages = await self.nc.gather(
            self._subject(noun, verb),
            data,
            timeout_s=self.timeout_s if timeout_s is None else timeout_s,
            quiet_s=self._quiet_s,
        )
        replies = []
        for message in messages:
            try:
                replies.append(control.parse_reply(operation, message.data))
            except RemoteError as error:
                log.warning("a broken reply to %s is left out: %s", operation, error)
        return replies

    async def _gather(
        self, noun: str, verb: str, data: bytes, timeout_s: float | None
    ) -> list[Any]:
        replies = await self._replies(noun, verb, data, timeout_s)
        good = [reply.response for reply in replies if reply.success and reply.response]
        refused = [reply for reply in replies if not reply.success]
        if refused and not good:
            raise refusal(f"{noun}.{verb}", refused[0].message, "")
        return good

    async def _inventory_or_none(self, host_id: str) -> control.Inventory | None:
        try:
            return await self.inventory(host_id)
        except (NoResponders, RequestTimeout, RemoteError) as error:
            log.warning("no inventory of host %s: %s", host_id, error)
            return None

    async def _running_component(
        self, host: str | None, component_id: str
    ) -> tuple[str, control.ComponentEntry]:
        """The host that runs the component (the only one, if none was named) and its entry."""
        if host is not None:
            inventories = [await self.inventory(host)]
        else:
            inventories = await self._all_inventories()
        found = [
            (inventory.host_id, entry)
            for inventory in inventories
            for entry in inventory.components
            if entry.id == component_id
        ]
        known = [entry.id for inventory in inventories for entry in inventory.components]
        return only_one(found, "component", component_id, known)

    async def _provider_host(self, provider_id: str) -> str:
        inventories = await self._all_inventories()
        found = [
            (inventory.host_id, entry)
            for inventory in inventories
            for entry in inventory.providers
            if entry.id == provider_id
        ]
        known = [entry.id for inventory in inventories for entry in inventory.providers]
        return only_one(found, "provider", provider_id, known)[0]

    async def _all_inventories(self) -> list[control.Inventory]:
        inventories = await self.inventories()
        if not inventories:
            raise nobody(self.lattice)
        return inventories

    async def _chosen(
        self,
        bids: Sequence[control.ComponentBid | control.ProviderBid],
        thing_id: str,
        ref: str,
        constraints: Mapping[str, str] | None,
    ) -> str:
        if bids:
            return bids[0].host_id
        hosts = await self.hosts()
        if not hosts:
            raise nobody(self.lattice)
        wanted = ", ".join(f"{key}={value}" for key, value in (constraints or {}).items())
        raise NotFound(
            f"no host offers to start {thing_id!r} ({ref})",
            hint=f"labels that were asked for: {wanted}"
            if wanted
            else f"{thing_id!r} runs on every host already (`%wasmcloud scale` changes how much), "
            "or auctions are switched off there",
            matches=[host.id for host in hosts],
        )
