"""What runs on a lattice, as far as its observer and our own hosts know."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFound
from workbench.wire.wit.types import Interface

if TYPE_CHECKING:
    from workbench.host import Host
    from workbench.lattice.explain import Finding
    from workbench.lattice.state import ComponentState, LatticeState
    from workbench.wire.wit.types import World

__all__ = ["Running", "Unlinked"]


# Interfaces that wasmCloud's own providers answer (interfaces.md §3).
_PROVIDERS = {
    "wasi:keyvalue": "key-value",
    "wasi:blobstore": "blobstore",
    "wasmcloud:messaging": "messaging",
}


@dataclass(frozen=True, slots=True)
class Unlinked:
    """An import of a component that no link gives; ``candidates`` export it."""

    component_id: str
    interface: str
    candidates: tuple[str, ...] = ()

    @property
    def giver(self) -> str:
        """Who could answer, in words."""
        if self.candidates:
            return f"exported by {', '.join(self.candidates[:3])}"
        provider = _PROVIDERS.get(self.interface.partition("/")[0])
        return f"a {provider} provider does" if provider else "nobody here exports it"

    @property
    def hint(self) -> str:
        """The command that links it."""
        target = self.candidates[0] if self.candidates else "TARGET"
        bare = self.interface.partition("@")[0]
        return f"%wasmcloud link put {self.component_id} {target} {bare}"


class Running:
    """Answers about components. ``hosts`` gives those of this process: only they show WIT."""

    def __init__(
        self, lattice: str, state: Callable[[], LatticeState], hosts: Callable[[], list[Host]]
    ) -> None:
        self._lattice = lattice
        self._state = state
        self._hosts = hosts

    def world(self, component_id: str) -> World | None:
        """What a component imports and exports, if it runs in this process."""
        worlds = (host.world_of(component_id) for host in self._hosts())
        return next((world for world in worlds if world is not None), None)

    async def exports(self, target: str) -> Mapping[str, Any]:
        """What a component exports; `NotFound` where that is not known."""
        if (world := self.world(target)) is not None:
            return world.exports
        if self._state().running(target):
            raise NotFound(
                f"the interfaces of {target!r} are not known here",
                hint="only components that run on a host of this kernel show their WIT so far",
            )
        raise self.not_running(target)

    def exporters(self, interface: str) -> list[str]:
        """The components, and ids served here, that export ``ns:pkg/iface`` in any version."""
        served = (
            id
            for id, names in self._state().served.items()
            if any(name.partition("@")[0] == interface for name in names)
        )
        running = (
            component_id
            for component_id in {component.id for component in self._components()}
            if (world := self.world(component_id)) is not None
            and any(export.partition("@")[0] == interface for export in world.exports)
        )
        return sorted({*served, *running})

    def interface(self, name: str) -> Interface | None:
        """An interface that a component of this process imports or exports under this very id."""
        for component_id in sorted({component.id for component in self._components()}):
            world = self.world(component_id)
            for known in (world.imports, world.exports) if world is not None else ():
                found = known.get(name)
                if isinstance(found, Interface):
                    return found
        return None

    def unlinked(self, component_id: str) -> list[Unlinked]:
        """What a component of this process imports from others while no link says from whom.

        Calls to these fail, all others work. Empty for a component whose WIT is not known.
        """
        from workbench.host.imports import needs_link

        world = self.world(component_id)
        links = [link for link in self._state().links if link.source_id == component_id]
        return [
            Unlinked(component_id, name, tuple(self.exporters(name.partition("@")[0])))
            for name, item in (world.imports.items() if world is not None else ())
            if needs_link(name)
            and getattr(item, "functions", None)
            and not any(link.covers(name) for link in links)
        ]

    def serves(self, thing_id: str) -> bool:
        """Whether an id is known to run, on any host, or to be served by this process."""
        return self._state().serves(thing_id)

    def explain(self, source: str, target: str, interface: str, link_name: str) -> list[Finding]:
        """Why ``source`` can or can't call ``target``, as far as state and worlds tell."""
        from workbench.lattice.explain import explain

        state = self._state()
        worlds = {end: self.world(end) for end in (source, target)}
        known = {end: world for end, world in worlds.items() if world is not None}
        return explain(
            state,
            source,
            target,
            interface,
            link_name=link_name,
            imports={end: world.imports for end, world in known.items()},
            exports={**{end: world.exports for end, world in known.items()}, **state.served},
        )

    def shares(self, component_id: str, count: int) -> dict[str, int]:
        """``count`` evenly over all hosts; what is left over goes to those that run most of it."""
        state = self._state()
        runs = {h.id: c.max_instances for h, c in state.components() if c.id == component_id}
        order = sorted(state.hosts, key=lambda host_id: (-runs.get(host_id, 0), host_id))
        each, more = divmod(count, len(order)) if order else (0, 0)
        shares = {host_id: each + (number < more) for number, host_id in enumerate(order)}
        return {h: share for h, share in shares.items() if share or h in runs}

    def image_and_config(self, component_id: str) -> tuple[str, tuple[str, ...]]:
        """What a running component runs, and the configuration it was given, if a host of ours
        knows: no message of a lattice tells it (control-interface.md §8.1)."""
        found = next((c for c in self._components() if c.id == component_id), None)
        if found is None:
            raise self.not_running(component_id)
        config = next(filter(None, (host.config_of(component_id) for host in self._hosts())), ())
        return found.image_ref, tuple(config)

    def not_running(self, component_id: str) -> NotFound:
        """The error for an id that runs nowhere, with near ones or how to start it."""
        known = sorted({component.id for component in self._components()})
        near = difflib.get_close_matches(component_id, known, n=3)
        spec = self._state().specs.get(component_id)
        if spec is not None and spec.url and not near:
            hint = f"`%wasmcloud start component {spec.url} {component_id}` starts it"
        elif known:
            hint = f"running: {', '.join(near or known)}"
        else:
            hint = "`%%wasmcloud deploy` or `%wasmcloud start component` brings one"
        return NotFound(
            f"no component {component_id!r} runs on lattice {self._lattice}",
            hint=hint,
            matches=near,
        )

    def _components(self) -> list[ComponentState]:
        return [component for _, component in self._state().components() if component.running]
