"""The components of one host: scaled, updated, served and stopped (control-interface.md §8).

Requests for one id run one after another, those for different ids side by side; inventories never
wait for either (§6.2, "a compatible host should answer at once").
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.host.config import ConfigBundle
from workbench.host.failures import error_chain
from workbench.host.launcher import Launcher, Loaded
from workbench.host.links import Routes
from workbench.host.options import LogLine
from workbench.host.serving import ComponentServing
from workbench.wire.control import ComponentEntry, ScaleComponent, UpdateComponent
from workbench.wire.events import ComponentScaled, ComponentScaleFailed
from workbench.wire.records import ComponentSpec

if TYPE_CHECKING:
    from workbench.host.publisher import EventPublisher
    from workbench.wire.wit.types import World

__all__ = ["ComponentTable", "limits_view"]

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Running:
    """One component that is served here; `ComponentTable` alone changes it."""

    id: str
    image_ref: str
    loaded: Loaded
    serving: ComponentServing
    routes: Routes
    config: ConfigBundle
    config_names: tuple[str, ...]
    max_instances: int
    annotations: Mapping[str, str]
    limits: Mapping[str, str] | None


class ComponentTable:
    """Owner of every component state of the host, keyed by id; one entry per id."""

    def __init__(self, launcher: Launcher, publisher: EventPublisher) -> None:
        self._launcher = launcher
        self._publisher = publisher
        self._running: dict[str, _Running] = {}
        self._routes: dict[str, Routes] = {}
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    def is_running(self, component_id: str) -> bool:
        return component_id in self._running

    def entries(self) -> list[ComponentEntry]:
        return [
            ComponentEntry(
                id=one.id,
                image_ref=one.image_ref,
                name=one.loaded.name,
                annotations=dict(one.annotations),
                revision=one.loaded.revision,
                max_instances=one.max_instances,
                limits=limits_view(one.limits),
            )
            for one in self._running.values()
        ]

    def spec_delivered(self, component_id: str, spec: ComponentSpec) -> None:
        """Take over the links that the KV watch delivered; they hold from the next call on."""
        routes = self._routes.get(component_id)
        if routes is not None:
            routes.set_links(spec.links)

    # -- scale -------------------------------------------------------------------------------------

    def scale_message(self, request: ScaleComponent) -> str:
        """What the immediate reply says (§8.1): only a changed reference is worth a word."""
        running = self._running.get(request.component_id)
        if running is None or request.count == 0 or running.image_ref == request.component_ref:
            return ""
        change = f"{running.image_ref} != {request.component_ref}"
        if request.allow_update:
            return (
                "Requested to scale existing component, with a changed image reference: "
                f"{change}. The component will be scaled, and the image reference will be "
                "updated afterwards."
            )
        return (
            f"Requested to scale existing component to a different image reference: {change}. "
            "The component will be scaled but the image reference will not be updated. If you "
            "meant to update this component to a new image ref, use the update command."
        )

    async def scale(self, request: ScaleComponent) -> None:
        """Do what was asked and publish ``component_scaled`` or ``component_scale_failed``."""
        async with self._lock(request.component_id):
            running = self._running.get(request.component_id)
            try:
                if running is None:
                    await self._scale_absent(request)
                else:
                    await self._scale_running(running, request)
            except Exception as error:
                # A start runs foreign code's compiler and reads foreign bytes: whatever comes
                # out of it fails this request and nothing else.
                if not isinstance(error, WorkbenchError):
                    _log.exception("scaling %r failed", request.component_id)
                await self._scale_failed(request, error)
        if running is not None and request.allow_update and request.count > 0:
            await self.update(
                UpdateComponent(
                    component_id=request.component_id,
                    host_id=request.host_id,
                    new_component_ref=request.component_ref,
                )
            )

    def _lock(self, component_id: str) -> asyncio.Lock:
        return self._locks.setdefault(component_id, asyncio.Lock())

    async def _scale_absent(self, request: ScaleComponent) -> None:
        if request.count == 0:
            await self._publish_scaled(request)
            return
        try:
            running = await self._start(request)
        except BaseException:
            self._routes.pop(request.component_id, None)
            raise
        # Twice, as real hosts do: with their own id, then with the one of the request (§8.1).
        await self._publish_scaled(request, host_id=self._publisher.host_id, of=running)
        await self._publish_scaled(request, of=running)

    async def _scale_running(self, running: _Running, request: ScaleComponent) -> None:
        before = (running.annotations, running.image_ref)
        if request.count == 0:
            await self._stop(running)
        elif (request.count, request.config) != (running.max_instances, running.config_names):
            await self._reinstantiate(running, request)
        annotations, image_ref = before
        await self._publisher.publish(
            ComponentScaled(
                annotations=dict(annotations),
                claims=running.loaded.event_claims,
                component_id=running.id,
                host_id=request.host_id,
                image_ref=image_ref,
                max_instances=request.count,
                public_key=running.loaded.public_key,
            )
        )

    async def _start(self, request: ScaleComponent) -> _Running:
        launcher, component_id = self._launcher, request.component_id
        loaded, config = await launcher.fetch(request.component_ref, request.config)
        try:
            routes = self._routes[component_id] = Routes(component_id)
            spec = await launcher.record(component_id, request.component_ref, loaded)
            launcher.seed_routes(routes, component_id, spec)
            compiled = await launcher.compile(component_id, loaded)
            code = launcher.code(
                component_id,
                compiled,
                routes=routes,
                config=config,
                count=request.count,
                limits=request.component_limits,
            )
            serving = await launcher.serve(component_id, compiled, code)
        except BaseException:
            config.close()
            raise
        running = self._running[component_id] = _Running(
            id=component_id,
            image_ref=request.component_ref,
            loaded=loaded,
            serving=serving,
            routes=routes,
            config=config,
            config_names=request.config,
            max_instances=request.count,
            annotations=request.annotations or {},
            limits=request.component_limits,
        )
        return running

    async def _reinstantiate(self, running: _Running, request: ScaleComponent) -> None:
        """New maximum, annotations and config on the code that runs; the reference stays.

        Upstream would note the reference of the request although the old code runs on; §8.1 says
        not to copy that.
        """
        config = running.config
        if request.config != running.config_names:
            config = await self._launcher.configs.start_bundle(request.config)
        compiled = running.loaded.compiled
        assert compiled is not None
        old, old_config = running.serving.code, running.config
        running.serving.code = self._launcher.code(
            running.id,
            compiled,
            routes=running.routes,
            config=config,
            count=request.count,
            limits=running.limits,
        )
        running.config, running.config_names = config, request.config
        running.max_instances = request.count
        running.annotations = request.annotations or {}
        if config is not old_config:
            old_config.close()
        self._launcher.retire(old)

    async def _stop(self, running: _Running) -> None:
        del self._running[running.id]
        self._routes.pop(running.id, None)
        await running.serving.stop_accepting()
        running.config.close()
        self._launcher.retire(running.serving.code, running.serving)

    async def _publish_scaled(
        self, request: ScaleComponent, *, host_id: str | None = None, of: _Running | None = None
    ) -> None:
        await self._publisher.publish(
            ComponentScaled(
                annotations=request.annotations or {},
                claims=of.loaded.event_claims if of is not None else None,
                component_id=request.component_id,
                host_id=request.host_id if host_id is None else host_id,
                image_ref=request.component_ref,
                max_instances=request.count,
                public_key=of.loaded.public_key if of is not None else None,
            )
        )

    async def _scale_failed(self, request: ScaleComponent, error: Exception) -> None:
        self._say(request.component_id, error)
        await self._publisher.publish(
            ComponentScaleFailed(
                annotations=request.annotations or {},
                component_id=request.component_id,
                error=error_chain(error),
                host_id=request.host_id,
                image_ref=request.component_ref,
                max_instances=request.count,
            )
        )

    # -- update ------------------------------------------------------------------------------------

    def update_message(self, request: UpdateComponent) -> tuple[bool, str]:
        """Whether there is something to do, and what the immediate reply says (§8.2).

        ``(False, text)`` with an unknown id is an error; `is_running` tells the two apart.
        """
        running = self._running.get(request.component_id)
        if running is None:
            return False, f"component {request.component_id} not found"
        new = request.new_component_ref
        if running.image_ref == new:
            return False, f"component {request.component_id} already updated to {new}"
        return True, f"component {request.component_id} updating from {running.image_ref} to {new}"

    async def update(self, request: UpdateComponent) -> None:
        """Switch to other code; a failure leaves the old code running and is only logged.

        One event, with the maximum: upstream's second one says 0 although the component runs
        (§8.2, RECOMMENDED).
        """
        async with self._lock(request.component_id):
            running = self._running.get(request.component_id)
            if running is None or running.image_ref == request.new_component_ref:
                return
            try:
                await self._switch(running, request)
            except Exception as error:
                if not isinstance(error, WorkbenchError):
                    _log.exception("updating %r failed", request.component_id)
                self._say(request.component_id, error)
                return
        await self._publisher.publish(
            ComponentScaled(
                annotations=request.annotations or {},
                claims=running.loaded.event_claims,
                component_id=running.id,
                host_id=request.host_id,
                image_ref=running.image_ref,
                max_instances=running.max_instances,
                public_key=running.loaded.public_key,
            )
        )

    async def _switch(self, running: _Running, request: UpdateComponent) -> None:
        """Let the new code answer, then retire the old: no call finds nobody.

        With the same exports the subscriptions stay, so that not even a message that is under way
        to them is lost.
        """
        launcher = self._launcher
        loaded = await launcher.fetch_bytes(request.new_component_ref)
        await launcher.store_claims(loaded)
        compiled = await launcher.compile(running.id, loaded)
        code = launcher.code(
            running.id,
            compiled,
            routes=running.routes,
            config=running.config,
            count=running.max_instances,
            limits=running.limits,
        )
        if running.serving.fits(compiled.exports):
            old, running.serving.code = running.serving.code, code
            launcher.retire(old)
        else:
            replaced = running.serving
            running.serving = await launcher.serve(running.id, compiled, code)
            await replaced.stop_accepting()
            launcher.retire(replaced.code, replaced)
        running.loaded, running.image_ref = loaded, request.new_component_ref
        running.annotations = request.annotations or {}

    def world_of(self, component_id: str) -> World | None:
        """The world of a component that runs here."""
        running = self._running.get(component_id)
        compiled = running.loaded.compiled if running is not None else None
        return compiled.world if compiled is not None else None

    def config_of(self, component_id: str) -> tuple[str, ...]:
        """The names of the configurations it was started with."""
        running = self._running.get(component_id)
        return running.config_names if running is not None else ()

    async def replace_artifact(self, component_id: str) -> bool:
        """Fetch the same reference again and run what is behind it now; False if it is the same.

        For references whose content changes, such as a cell that was built again. No event is
        published: nothing that a lattice shows has changed.
        """
        async with self._lock(component_id):
            running = self._running.get(component_id)
            if running is None:
                return False
            artifact = await self._launcher.fetch_bytes(running.image_ref)
            if artifact.artifact.digest == running.loaded.artifact.digest:
                return False
            await self._switch(
                running,
                UpdateComponent(
                    component_id=component_id,
                    host_id=self._publisher.host_id,
                    new_component_ref=running.image_ref,
                    annotations=dict(running.annotations),
                ),
            )
            return True

    # -- end ---------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Stop serving all, without events: the host is going away (§C.4)."""
        for running in list(self._running.values()):
            await self._stop(running)

    def _say(self, component_id: str, error: Exception) -> None:
        self._launcher.on_log(
            LogLine(component_id, "error", error_chain(error), stream="host", error=error)
        )


def limits_view(limits: Mapping[str, str] | None) -> dict[str, str] | None:
    """What the inventory shows: the usable limits, ``{}`` if none of those given is (§6.2)."""
    if limits is None:
        return None
    usable = ("max_memory_limit", "max_execution_time")
    return {
        key: limits[key]
        for key in usable
        if limits.get(key, "").isascii() and limits.get(key, "").isdigit()
    }
