"""The manager as a state machine: inputs in, commands and statuses out, no I/O, no clock.

Inputs are events of the lattice, answers to commands, and what shall be deployed; `run` then asks
the scalers that any of it concerns and returns what to send. Level-triggered throughout: a lost
or doubled event costs time, never correctness, because every decision compares what is wanted with
what is observed.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from workbench.wadm.belief import after
from workbench.wadm.commands import (
    Command,
    DeleteConfig,
    DeleteLink,
    PutLink,
    ReadConfig,
    ReadHost,
    ReadLinks,
    ScaleComponent,
    StartProvider,
    StopProvider,
)
from workbench.wadm.desired import Desired
from workbench.wadm.flights import Flights, Landing, awaits_event
from workbench.wadm.intake import take
from workbench.wadm.observed import (
    Observed,
    Topic,
    link_key,
    with_config,
    with_inventory,
    with_links,
    without_host,
)
from workbench.wadm.ports import Answer, App, Outputs, Retired, Timing
from workbench.wadm.reconcile import cleanup, context_of, plan
from workbench.wadm.scalers import Context, LinkScaler, Plan, Scaler, Step
from workbench.wadm.scalers.base import failed
from workbench.wadm.story import Story, StoryLine
from workbench.wadm.watch import Watch
from workbench.wire import events
from workbench.wire.control import Inventory
from workbench.wire.records import Link
from workbench.wire.wadm import UNDEPLOYED, ScalerStatus, Status, StatusInfo, StatusType

__all__ = ["Engine"]

_REMEMBERED_EVENTS = 10_000


class Engine:
    """One lattice. Call inputs in any order, then `run`; ``now`` is epoch seconds, rising."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.timing = timing or Timing()
        self.observed = Observed()
        self.flights = Flights()
        self.apps: dict[str, App] = {}
        self.published: dict[str, Status] = {}
        self._watch = Watch(self.timing.probe_after_s)
        self.heard: Mapping[str, float] = self._watch.heard
        self._stories: dict[str, Story] = {}
        self._scalers: dict[str, Scaler] = {}
        self._plans: dict[str, Plan] = {}
        self._retired: dict[str, Retired] = {}
        self._listeners: dict[Topic, set[str]] = {}
        self._waiting: dict[tuple[str, ...], set[str]] = {}
        self._context = Context()
        # Scaler id to what made it look again; the first cause counts.
        self._dirty: dict[str, str] = {}
        self._touched: set[str] = set()
        self._inquiries: dict[Command, str] = {}
        self._seen_events: OrderedDict[str, None] = OrderedDict()
        self._own_links: dict[Link, float] = {}
        self._links_read_at = 0.0
        self._wiring_is_old = False

    # What shall be there ----------------------------------------------------------------------

    def deploy(self, wanted: Desired, now: float, *, cause: str = "") -> None:
        """Make this the wanted state of the application, whatever it was before."""
        before = self.apps.get(wanted.name)
        self.apps[wanted.name] = App(wanted)
        ids = {scaler.id for scaler in wanted.scalers}
        for scaler in before.desired.scalers if before else ():
            if scaler.id not in ids:
                self._retire(scaler, now)
        self.flights.forgive(ids)
        self._look(ids, f"version {wanted.version} was deployed")
        self._wiring_is_old = True
        what = f"deploy version {wanted.version}"
        if before is not None and before.desired.version != wanted.version:
            what += f" in place of {before.desired.version}"
        self.story(wanted.name).tell(now, "", what, cause)
        self._touched.add(wanted.name)

    def undeploy(self, name: str, now: float, *, cause: str = "") -> Outputs:
        """Want the application no more. Its status is known at once, its removal takes `run`."""
        outputs = Outputs()
        app = self.apps.pop(name, None)
        if app is not None:
            for scaler in app.desired.scalers:
                self._retire(scaler, now)
            self._wiring_is_old = True
            self.story(name).tell(now, "", "undeploy", cause)
        self._publish(outputs, name, Status(StatusInfo(StatusType.UNDEPLOYED, UNDEPLOYED)))
        return outputs

    def _retire(self, scaler: Scaler, now: float) -> None:
        self._retired[scaler.id] = Retired(scaler, now + self.timing.retire_for_s)
        self._dirty[scaler.id] = "it was undeployed"

    def _rewire(self) -> None:
        """Bring context and listeners up to date with the applications, if those have changed.

        Not at once with each change: many deploys in a row need it once.
        """
        if not self._wiring_is_old:
            return
        self._wiring_is_old = False
        self._scalers = {s.id: s for app in self.apps.values() for s in app.desired.scalers}
        for scaler_id in self._scalers:
            self._retired.pop(scaler_id, None)
        self.flights.keep_only({*self._scalers, *self._retired})
        self._context = context_of([app.desired for app in self.apps.values()], self._retired)
        self._listeners = {}
        retired = {r.scaler.id: r.scaler for r in self._retired.values()}
        for scaler_id, scaler in {**retired, **self._scalers}.items():
            for topic in scaler.topics:
                self._listeners.setdefault(topic, set()).add(scaler_id)
        self._plans = {key: p for key, p in self._plans.items() if key in self._scalers}
        # Who was held back by a scaler that left looks again.
        self._look(self._scalers, "what else is deployed has changed")

    # What is there ----------------------------------------------------------------------------

    def observe(self, event: events.Event, now: float) -> None:
        """An event of the lattice; one that was seen already changes nothing."""
        if event.id in self._seen_events:
            return
        self._rewire()
        self._seen_events[event.id] = None
        if len(self._seen_events) > _REMEMBERED_EVENTS:
            self._seen_events.popitem(last=False)
        if event.source in self.observed.hosts:
            self._watch.hear(event.source, now)
        had_hosts = bool(self.observed.hosts)
        intake = take(self.observed, self.flights, event, now)
        self._adopt(intake.observed, intake.topics, self._cause(event))
        if event.source in self.observed.hosts:
            self._watch.hear(event.source, now)
        for landing in intake.landings:
            self._landed(landing, now)
        for name in intake.stale_configs:
            if ("config", name) in self._listeners:
                self._inquiries[ReadConfig(name)] = event.name
        if intake.unknown_host:
            self._inquiries[ReadHost(intake.unknown_host)] = "an event came from an unknown host"
        if intake.lost_host:
            self._lose(intake.lost_host, now, "stopped")
        if had_hosts != bool(self.observed.hosts):
            self._look(self._scalers, self._cause(event))
            self._touched |= set(self.apps)

    def _cause(self, event: events.Event) -> str:
        data = event.data if isinstance(event.data, dict) else {}
        about = next(
            (str(data[key]) for key in ("component_id", "provider_id", "config_name", "source_id")
             if key in data), self.host_name(event.source),
        )  # fmt: skip
        return f"{event.name} of {about}"

    def host_name(self, host_id: str) -> str:
        host = self.observed.hosts.get(host_id)
        return (host.friendly_name if host else "") or host_id[:8]

    def take_inventory(self, host_id: str, inventory: Inventory, now: float) -> None:
        """What a host runs, as it says itself."""
        self._rewire()
        had_hosts = bool(self.observed.hosts)
        state, topics = with_inventory(self.observed, host_id, inventory, now)
        self._watch.hear(host_id, now)
        self._adopt(state, topics, f"the inventory of {inventory.friendly_name or host_id[:8]}")
        if not had_hosts:
            self._look(self._scalers, "the first host was found")
            self._touched |= set(self.apps)

    def doubt_host(self, host_id: str) -> None:
        """Ask a host whether it is still there, with the next `run`."""
        self._inquiries[ReadHost(host_id)] = "it was not found"

    def take_links(self, links: Iterable[Link], now: float) -> None:
        """All links. Own fresh ones are trusted more: a host may list them late (§7.3)."""
        self._rewire()
        self._links_read_at = now
        since = now - self.timing.trust_own_link_s
        self._own_links = {link: at for link, at in self._own_links.items() if at > since}
        known = self.observed.links
        kept = [link for link in self._own_links if known.get(link_key(link)) == link]
        state, topics = with_links(self.observed, [*links, *kept])
        self._adopt(state, topics, "the list of links")

    def _adopt(self, state: Observed, topics: Iterable[Topic], cause: str) -> None:
        self.observed = state
        for topic in topics:
            self._look(self._listeners.get(topic, ()), cause)

    def _look(self, scalers: Iterable[str], cause: str) -> None:
        for scaler in scalers:
            self._dirty.setdefault(scaler, cause)

    def _lose(self, host_id: str, now: float, why: str) -> None:
        """The host is gone, and with it everything under way there."""
        name = self.host_name(host_id)
        for flight in self.flights.drop_host(host_id):
            self._close(flight.app, flight.token, now, f"the host {why}")
            self._look([flight.scaler], f"host {name} {why}")
        self._watch.forget(host_id)
        state, topics = without_host(self.observed, host_id)
        self._adopt(state, topics, f"host {name} {why}")
        if not self.observed.hosts:
            self._touched |= set(self.apps)

    # How commands ended -----------------------------------------------------------------------

    def answered(self, command: Command, answer: Answer, now: float) -> None:
        """The host's reply to a command that `run` gave out."""
        self._rewire()
        flight = self.flights.under_way.get(command.slot)
        current = flight is not None and flight.command == command
        if answer.ok:
            self._believe(command, answer, now)
            if current and not awaits_event(command):
                landing = self.flights.land(command.slot, now, ok=True, message=answer.message)
                self._landed(landing, now)
            return
        if not current:
            return
        landing = self.flights.land(command.slot, now, ok=False, message=answer.message)
        self._landed(landing, now)
        self._doubt(command, answer, now)

    def _believe(self, command: Command, answer: Answer, now: float) -> None:
        """An answered command has done what it says; its event may come later, or never."""
        match command:
            case ReadHost(host):
                self.take_inventory(host, answer.value, now)
                return
            case ReadLinks():
                self.take_links(answer.value, now)
                return
            case ReadConfig(name):
                state, topics = with_config(self.observed, name, answer.value)
            case _:
                state, topics = after(self.observed, command)
        if isinstance(command, PutLink):
            self._own_links[command.link] = now
        if isinstance(command, DeleteConfig | DeleteLink):
            for retired in self._retired.values():
                retired.done.add(command)
                self._look([retired.scaler.id], str(command))
        self._adopt(state, topics, str(command))

    def _doubt(self, command: Command, answer: Answer, now: float) -> None:
        """A refusal may mean that the lattice is not as we think: ask."""
        match command:
            case ReadHost(host) if host in self.observed.hosts:
                setback = self.flights.setbacks[command.slot]
                silent = now - self.heard.get(host, now)
                if (answer.gone and setback.failures >= 2) or silent > self.timing.give_up_after_s:
                    self._lose(host, now, "does not answer any more")
            case ReadHost(host):
                self.flights.drop(command.slot)  # never known: its next event asks again
            case ScaleComponent() | StartProvider() | StopProvider():
                self._inquiries[ReadHost(command.host_id)] = "it did not take a command"
            case PutLink(link):
                for name in (*link.source_config, *link.target_config):
                    self._inquiries[ReadConfig(name)] = "a link with it was refused"
                self._look(self._listeners.get(("link", link.source_id), ()), "the link failed")
            case _:
                pass

    def _landed(self, landing: Landing | None, now: float) -> None:
        if landing is None:
            return
        flight = landing.flight
        text = landing.message or "done"
        if not landing.ok:
            setback = self.flights.setbacks[flight.command.slot]
            text = f"failed: {text}; next try in {setback.retry_at - now:.0f} s"
        self._close(flight.app, flight.token, now, text)
        self._look([flight.scaler], f"{flight.command}: {'done' if landing.ok else 'failed'}")
        self._look(self._waiting.pop(flight.command.slot, ()), f"{flight.command} has ended")

    # Deciding ---------------------------------------------------------------------------------

    def run(self, now: float, *, at_most: int = sys.maxsize) -> Outputs:
        """Look at what may have changed; return what to send and to publish.

        ``at_most`` bounds the scalers that are asked; `has_more` tells whether some are left.
        """
        outputs = Outputs()
        self._rewire()
        self._tick(now)
        for command in self._inquiries:
            if self.flights.may_send(command, "", now):
                self.flights.send(command, "", "", now, 0)
                outputs.commands.append(command)
        self._inquiries.clear()
        for scaler_id in [key for key in self._dirty if not self._is_known(key)]:
            del self._dirty[scaler_id]
        # Links first: a start waits for the links that begin at it (`_held`). Removals last.
        for group in (self._is_link, self._is_other, self._retired.__contains__):
            chosen = [scaler_id for scaler_id in self._dirty if group(scaler_id)][:at_most]
            at_most -= len(chosen)
            for scaler_id in chosen:
                self._decide(scaler_id, self._dirty.pop(scaler_id), outputs, now)
        undecided = {self._scalers[key].app for key in self._dirty if key in self._scalers}
        for name in sorted(self._touched & self.apps.keys() - undecided):
            self._publish(outputs, name, self.status(name))
        self._touched &= undecided
        return outputs

    @property
    def has_more(self) -> bool:
        """Whether scalers are left that something has changed for."""
        return bool(self._dirty)

    def _is_known(self, scaler_id: str) -> bool:
        return scaler_id in self._scalers or scaler_id in self._retired

    def _is_link(self, scaler_id: str) -> bool:
        return isinstance(self._scalers.get(scaler_id), LinkScaler)

    def _is_other(self, scaler_id: str) -> bool:
        return scaler_id in self._scalers and not self._is_link(scaler_id)

    def _decide(self, scaler_id: str, cause: str, outputs: Outputs, now: float) -> None:
        if scaler_id in self._scalers:
            self._reconcile(self._scalers[scaler_id], cause, outputs, now)
        else:
            self._clean(self._retired[scaler_id], outputs, now)

    def _tick(self, now: float) -> None:
        """Deadlines, retries, silent hosts, forgotten removals."""
        for slot in self.flights.overdue(now):
            flight = self.flights.under_way[slot]
            waited = now - flight.sent_at
            landing = self.flights.land(slot, now, ok=False, message=f"no word for {waited:.0f} s")
            self._landed(landing, now)
            if slot[0] in ("component", "provider"):
                self._inquiries[ReadHost(slot[-1])] = "a command was not confirmed"
        for setback in self.flights.due(now):
            if setback.scaler:
                self._look([setback.scaler], "it is time to try again")
            else:
                self._inquiries[setback.command] = "it was not answered"
        for host in self._watch.silent(now, self._asked):
            self._inquiries[ReadHost(host)] = "it is silent"
        if self.observed.hosts and now - self._links_read_at >= self.timing.links_every_s:
            self._links_read_at = now
            self._inquiries[ReadLinks()] = "it is time to"
        expired = [key for key, retired in self._retired.items() if retired.until <= now]
        for key in expired:
            del self._retired[key]
        if expired:
            self._wiring_is_old = True
            self._rewire()

    def _asked(self, host: str) -> bool:
        slot = ("host", host)
        return slot in self.flights.under_way or slot in self.flights.setbacks

    def _reconcile(self, scaler: Scaler, cause: str, outputs: Outputs, now: float) -> None:
        found = plan(scaler, self.observed, self._context)
        before = self._plans.get(scaler.id)
        self._plans[scaler.id] = found
        if (
            isinstance(scaler, LinkScaler)
            and before is not None
            and before.steps
            and not found.steps
        ):
            # Nothing about the link itself may have changed: only its config had to be put.
            waiting = self._listeners.get(("link", scaler.link.source_id), ())
            self._look(waiting, f"link {scaler.label} is there")
        for step in found.steps:
            if not self._held(step.command):
                self._send(step, scaler, cause, outputs, now)
        status = found.status
        for command in found.commands:
            setback = self.flights.setbacks.get(command.slot)
            if setback is not None and setback.command == command and setback.visible:
                status = failed(setback.message)
        app = self.apps[scaler.app]
        entry = ScalerStatus(scaler.id, scaler.kind, scaler.name, status)
        before = app.statuses.get(scaler.id)
        if before != entry:
            app.statuses[scaler.id] = entry
            self._touched.add(scaler.app)
            if before is not None and before.status.type != status.type:
                self.story(scaler.app).tell(now, scaler.label, f"is {status}", cause)

    def _clean(self, retired: Retired, outputs: Outputs, now: float) -> None:
        scaler = retired.scaler
        for step in cleanup(scaler, self.observed, self._context, retired.done):
            self._send(step, scaler, "", outputs, now)

    def _held(self, command: Command) -> bool:
        """Whether a start waits for links that begin at it and are being put right now.

        A host that starts something reads and rewrites the record that holds its links, without a
        revision check: a link put at the same moment can be lost (control-interface.md §11.2).
        """
        match command:
            case ScaleComponent(component_id=source, count=count) if count > 0:
                pass
            case StartProvider(provider_id=source):
                pass
            case _:
                return False
        for scaler_id in self._listeners.get(("link", source), ()):
            scaler, found = self._scalers.get(scaler_id), self._plans.get(scaler_id)
            if not isinstance(scaler, LinkScaler) or found is None or not found.steps:
                continue
            slots = {c.slot for c in found.commands}
            if not slots & self.flights.setbacks.keys():
                return True
        return False

    def _send(self, step: Step, scaler: Scaler, cause: str, outputs: Outputs, now: float) -> None:
        command = step.command
        if not self.flights.may_send(command, scaler.id, now):
            flight = self.flights.under_way.get(command.slot)
            if flight is not None and flight.scaler != scaler.id:
                self._waiting.setdefault(command.slot, set()).add(scaler.id)
            return
        why = f"{step.why} ({cause})" if cause else step.why
        what = self._named(command)
        token = self.story(scaler.app).tell(now, scaler.label, what, why)
        replaced = self.flights.under_way.get(command.slot)
        if replaced is not None:
            self._close(replaced.app, replaced.token, now, "something else is wanted now")
        self.flights.send(command, scaler.id, scaler.app, now, token)
        outputs.commands.append(command)

    def _named(self, command: Command) -> str:
        """The command in words, with the host's friendly name."""
        host_id = getattr(command, "host_id", "")
        text = str(command)
        return text.replace(host_id, self.host_name(host_id)) if host_id else text

    def _publish(self, outputs: Outputs, name: str, status: Status) -> None:
        if self.published.get(name) != status:
            self.published[name] = status
            outputs.statuses[name] = status

    # Questions --------------------------------------------------------------------------------

    def status(self, name: str) -> Status:
        """The status of a deployed application, as of the last `run`."""
        return self.apps[name].status(with_hosts=bool(self.observed.hosts))

    def settled(self, name: str) -> bool:
        """Deployed, and nothing under way for it."""
        app = self.apps.get(name)
        busy = any(flight.app == name for flight in self.flights.under_way.values())
        return app is not None and not busy and self.status(name).type is StatusType.DEPLOYED

    def story(self, name: str) -> Story:
        return self._stories.setdefault(name, Story(name))

    def story_lines(self, name: str) -> list[StoryLine]:
        return list(self._stories.get(name, ()))

    @property
    def retiring(self) -> Mapping[str, Scaler]:
        return {key: retired.scaler for key, retired in self._retired.items()}

    def next_time(self) -> float | None:
        """When `run` is due even if nothing happens."""
        due = (self.flights.next_time(), self._watch.next_time())
        times = [at for at in due if at is not None]
        if self.observed.hosts:
            times.append(self._links_read_at + self.timing.links_every_s)
        times += [retired.until for retired in self._retired.values()]
        return min(times, default=None)

    def _close(self, app: str, token: int, now: float, outcome: str) -> None:
        if app:
            self.story(app).close(token, now, outcome)
