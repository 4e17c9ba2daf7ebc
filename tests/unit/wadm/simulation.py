"""A lattice of pretence: virtual hosts that carry out commands and tell events, on a virtual clock.

It follows what hosts 1.9.2 do (wadm-engine.md §8): one instance set per component id and host,
starts acknowledged before they are done, a first start announced twice, links refused while a
config is missing.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from workbench.wadm.commands import (
    Command,
    DeleteConfig,
    DeleteLink,
    PutConfig,
    PutLink,
    ReadConfig,
    ReadHost,
    ReadLinks,
    ScaleComponent,
    StartProvider,
    StopProvider,
    own_annotations,
)
from workbench.wadm.engine import Engine
from workbench.wadm.ports import Answer
from workbench.wire import events
from workbench.wire.control import ComponentEntry, Inventory, ProviderEntry
from workbench.wire.records import Link, conflicting_link, with_link, without_link
from workbench.wire.wadm import Status, managed_annotations, without_scheme


@dataclass
class VirtualHost:
    id: str
    labels: dict[str, str] = field(default_factory=dict)
    components: dict[str, ComponentEntry] = field(default_factory=dict)
    providers: dict[str, ProviderEntry] = field(default_factory=dict)
    silent: bool = False

    def inventory(self) -> Inventory:
        return Inventory(
            components=tuple(self.components.values()),
            providers=tuple(self.providers.values()),
            host_id=self.id,
            friendly_name=f"name-{self.id}",
            labels=dict(self.labels),
            version="1.9.2",
        )


class VirtualLattice:
    """Hosts, links and configs, with an engine on top and a queue of events between them.

    ``fail_references`` never start. With ``chaos`` events are lost, doubled, reordered and late,
    requests and answers get lost, and a host may vanish with a command that it has just accepted.
    """

    def __init__(self, engine: Engine | None = None, *, chaos: random.Random | None = None) -> None:
        self.engine = engine or Engine()
        self.now = 1_000_000.0
        self.hosts: dict[str, VirtualHost] = {}
        self.links: tuple[Link, ...] = ()
        self.configs: dict[str, dict[str, str]] = {}
        self.fail_references: set[str] = set()
        self.commands: list[Command] = []
        self.statuses: list[tuple[str, Status]] = []
        self.chaos = chaos
        self.at_most = 3 if chaos else 1_000_000  # small steps are a fate of their own
        self._queue: deque[events.Event] = deque()

    # The world --------------------------------------------------------------------------------

    def join(self, host_id: str, **labels: str) -> VirtualHost:
        host = self.hosts[host_id] = VirtualHost(host_id, dict(labels))
        self.tell(
            host_id,
            events.HostStarted(
                friendly_name=f"name-{host_id}", labels=dict(labels), version="1.9.2"
            ),
        )
        return host

    def leave(self, host_id: str) -> None:
        host = self.hosts.pop(host_id)
        self.tell(host_id, events.HostStopped(labels=host.labels))

    def die(self, host_id: str) -> None:
        """Gone without a word."""
        del self.hosts[host_id]

    def relabel(self, host_id: str, **labels: str) -> None:
        self.hosts[host_id].labels = dict(labels)
        self.tell(host_id, events.LabelsChanged(labels=dict(labels)))

    def tell(self, source: str, payload: events.Payload) -> None:
        self._queue.append(events.make(source, payload, now_ns=int(self.now * 1e9)))

    def heartbeats(self) -> None:
        for host in self.hosts.values():
            inventory = host.inventory()
            fields = {k: getattr(inventory, k) for k in Inventory.__struct_fields__}
            self.tell(host.id, events.HostHeartbeat(**fields))

    # Time -------------------------------------------------------------------------------------

    def settle(self, *, rounds: int = 200) -> int:
        """Deliver events and carry out commands until nothing happens; returns the commands."""
        before = len(self.commands)
        for _ in range(rounds):
            delivered = self._deliver()
            outputs = self.engine.run(self.now, at_most=self.at_most)
            self.statuses += outputs.statuses.items()
            for command in outputs.commands:
                self.commands.append(command)
                self.engine.answered(command, self._fate(command), self.now)
            if not (delivered or outputs.commands or self.engine.has_more):
                return len(self.commands) - before
            self.now += 0.001
        raise AssertionError(f"no rest after {rounds} rounds: {self.commands[-10:]}")

    def _deliver(self) -> int:
        batch = list(self._queue)
        self._queue.clear()
        if self.chaos is not None:
            batch = [e for e in batch if self.chaos.random() > 0.15]
            batch += [e for e in batch if self.chaos.random() < 0.2]
            if self.chaos.random() < 0.3:
                self.chaos.shuffle(batch)
            late = [event for event in batch if self.chaos.random() < 0.1]
            batch = [event for event in batch if event not in late]
            self._queue.extend(late)
        for event in batch:
            self.engine.observe(event, self.now)
        return len(batch)

    def pass_time(self, seconds: float, *, step: float = 5.0) -> None:
        """Let time pass, with heartbeats every 30 s."""
        end = self.now + seconds
        next_beat = self.now + 30.0
        while self.now < end:
            self.now = min(self.now + step, end)
            if self.now >= next_beat:
                self.heartbeats()
                next_beat += 30.0
            self.settle()

    # What hosts do ----------------------------------------------------------------------------

    def _fate(self, command: Command) -> Answer:
        """Carried out and answered, unless chance wills it otherwise."""
        roll = self.chaos.random() if self.chaos is not None else 1.0
        if roll < 0.04:
            return Answer(False, "no reply")  # the request was lost
        answer = self._carry_out(command)
        if roll < 0.08:
            return Answer(False, "no reply")  # the answer was
        host_id = getattr(command, "host_id", "")
        if roll < 0.12 and host_id in self.hosts and len(self.hosts) > 1:
            self.die(host_id)
        return answer

    def _carry_out(self, command: Command) -> Answer:
        match command:
            case ReadHost(host_id):
                host = self.hosts.get(host_id)
                if host is None:
                    return Answer(False, "nobody answers", gone=True)
                return Answer(True, value=host.inventory())
            case ScaleComponent() | StartProvider() | StopProvider():
                host = self.hosts.get(command.host_id)
                if host is None:
                    return Answer(False, "nobody answers", gone=True)
                if host.silent:
                    return Answer(True)
                return self._on_host(host, command)
        if not self.hosts:
            return Answer(False, "nobody answers", gone=True)
        return self._on_lattice(command)

    def _on_host(self, host: VirtualHost, command: Command) -> Answer:
        match command:
            case ScaleComponent():
                self._scale(host, command)
                return Answer(True)
            case StartProvider():
                if command.provider_id in host.providers:
                    return Answer(False, "provider with that ID is already running")
                self._start(host, command)
                return Answer(True, "successfully started provider")
            case StopProvider(provider_id):
                gone = host.providers.pop(provider_id, None)
                if gone is None:
                    return Answer(False, "provider with that ID is not running")
                payload = events.ProviderStopped(
                    annotations=gone.annotations or {}, provider_id=provider_id, reason="stop"
                )
                self.tell(host.id, payload)
                return Answer(True, "successfully stopped provider")
        raise AssertionError(command)

    def _scale(self, host: VirtualHost, command: ScaleComponent) -> None:
        marks = managed_annotations(command.app, own_annotations(command))
        running = host.components.get(command.component_id)
        fields: dict[str, Any] = {"component_id": command.component_id, "host_id": host.id}
        if running is None and command.count and command.reference in self.fail_references:
            failed = events.ComponentScaleFailed(
                annotations=marks, image_ref=command.reference, max_instances=command.count,
                error="failed to fetch component", **fields,
            )  # fmt: skip
            self.tell(host.id, failed)
            return
        reference, told = command.reference, marks
        if running is not None:
            reference, told = running.image_ref, running.annotations or {}
        scaled = events.ComponentScaled(
            annotations=told, image_ref=reference, max_instances=command.count, **fields
        )
        self.tell(host.id, scaled)
        if running is None and command.count:
            self.tell(host.id, scaled)
        if command.count:
            host.components[command.component_id] = ComponentEntry(
                id=command.component_id,
                image_ref=reference,
                annotations=marks,
                max_instances=command.count,
            )
        else:
            host.components.pop(command.component_id, None)

    def _start(self, host: VirtualHost, command: StartProvider) -> None:
        marks = managed_annotations(command.app, own_annotations(command))
        if command.reference in self.fail_references:
            failed = events.ProviderStartFailed(
                error="failed to fetch provider",
                provider_id=command.provider_id,
                provider_ref=command.reference,
            )
            self.tell(host.id, failed)
            return
        image = without_scheme(command.reference)
        entry = ProviderEntry(id=command.provider_id, image_ref=image, annotations=marks)
        host.providers[command.provider_id] = entry
        started = events.ProviderStarted(
            annotations=marks, image_ref=image, provider_id=command.provider_id
        )
        self.tell(host.id, started)

    def _on_lattice(self, command: Command) -> Answer:
        speaker = next(iter(self.hosts))
        match command:
            case ReadConfig(name):
                return Answer(True, value=self.configs.get(name))
            case ReadLinks():
                return Answer(True, value=self.links)
            case PutConfig(name, values):
                self.configs[name] = dict(values)
                self.tell(speaker, events.ConfigSet(config_name=name))
            case DeleteConfig(name):
                self.configs.pop(name, None)
                self.tell(speaker, events.ConfigDeleted(config_name=name))
            case PutLink(link):
                return self._put_link(speaker, link)
            case DeleteLink(source, name, namespace, package):
                slot: dict[str, Any] = {"source_id": source, "name": name, "wit_namespace": namespace,
                        "wit_package": package}  # fmt: skip
                self.links, removed = without_link(self.links, **slot)
                target = removed.target if removed else None
                self.tell(speaker, events.LinkdefDeleted(**slot, target=target))
        return Answer(True)

    def _put_link(self, speaker: str, link: Link) -> Answer:
        missing = [n for n in (*link.source_config, *link.target_config) if n not in self.configs]
        if missing:
            return Answer(False, f"Configuration {missing[0]} not found in config store. ")
        same = [other for other in self.links if other.same_slot(link)]
        if conflicting_link(same, link):
            return Answer(False, "link already exists with different target")
        self.links = with_link(self.links, link)
        fields = {k: getattr(link, k) for k in Link.__struct_fields__}
        self.tell(speaker, events.LinkdefSet(**fields))
        return Answer(True)

    def standing(self) -> dict[tuple[str, ...], Any]:
        """Everything that is there, by the slot that a command would change."""
        found: dict[tuple[str, ...], Any] = {}
        for host in self.hosts.values():
            found |= {("component", name, host.id): c for name, c in host.components.items()}
            found |= {("provider", name, host.id): p for name, p in host.providers.items()}
        for link in self.links:
            slot = ("link", link.source_id, link.name, link.wit_namespace, link.wit_package)
            found[slot] = (*found.get(slot, ()), link)
        return found | {("config", name): values for name, values in self.configs.items()}

    # What a test asks -------------------------------------------------------------------------

    def counts(self, component: str) -> dict[str, int]:
        return {
            host.id: host.components[component].max_instances
            for host in self.hosts.values()
            if component in host.components
        }

    def running_providers(self, provider: str) -> list[str]:
        return sorted(h.id for h in self.hosts.values() if provider in h.providers)

    def status(self, app: str) -> Status:
        return self.engine.status(app)
