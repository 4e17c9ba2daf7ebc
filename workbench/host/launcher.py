"""The steps of a component's start, in the real host's order (control-interface.md §8.1).

Fetch, claims, config, spec, compile. A missing config is reported before bytes that can't be
fetched; nothing is written to the bucket before all of these are there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workbench.errors import ArtifactError, DecodeError, WorkbenchError
from workbench.host.artifacts import Artifact, ArtifactSource
from workbench.host.config import ConfigBundle, ConfigStore
from workbench.host.failures import StepFailed
from workbench.host.imports import ComponentImports
from workbench.host.lattice_data import LatticeData
from workbench.host.links import LinkTable, Routes
from workbench.host.options import HostOptions, LogLine, OnLog
from workbench.host.serving import Code, ComponentServing, Permits
from workbench.host.tasks import TaskOwner
from workbench.wire.claims import SignedComponent, extract
from workbench.wire.events import ComponentClaims
from workbench.wire.records import ComponentSpec

if TYPE_CHECKING:
    from workbench.lattice.http_neighbours import HttpNeighbours
    from workbench.lattice.rpc import RpcClient, RpcServer
    from workbench.wasm import CompiledComponent, Engine, StoreLimits

__all__ = ["Launcher", "Loaded"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Loaded:
    """Fetched bytes with their claims, and their compiled form once there is one."""

    artifact: Artifact
    signed: SignedComponent | None = None
    compiled: CompiledComponent | None = None

    @property
    def name(self) -> str | None:
        return self.signed.metadata.name if self.signed is not None else None

    @property
    def revision(self) -> int:
        return (self.signed.metadata.rev or 0) if self.signed is not None else 0

    @property
    def public_key(self) -> str | None:
        return self.signed.subject if self.signed is not None else None

    @property
    def event_claims(self) -> ComponentClaims | None:
        if self.signed is None:
            return None
        claims, meta = self.signed.token.claims, self.signed.metadata
        return ComponentClaims(
            call_alias=meta.call_alias,
            expires_human="never" if claims.exp is None else str(claims.exp),
            issuer=claims.iss,
            name=meta.name,
            not_before_human="never" if claims.nbf is None else str(claims.nbf),
            revision=meta.rev,
            tags=meta.tags,
            version=meta.ver,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """What a component needs to start, and the steps that use it."""

    engine: Engine
    artifacts: ArtifactSource
    configs: ConfigStore
    data: LatticeData
    links: LinkTable
    client: RpcClient
    server: RpcServer
    neighbours: HttpNeighbours
    options: HostOptions
    on_log: OnLog
    tasks: TaskOwner = field(default_factory=lambda: TaskOwner("components"))

    async def fetch(self, reference: str, config: Sequence[str]) -> tuple[Loaded, ConfigBundle]:
        """Bytes, claims and configuration; the error of the configuration comes first."""
        missing: StepFailed | None = None
        loaded: Loaded | None = None
        try:
            loaded = await self.fetch_bytes(reference)
        except StepFailed as error:
            if not isinstance(error.__cause__, ArtifactError):
                raise
            missing = error
        bundle = await self.configs.start_bundle(config)
        if loaded is None:
            bundle.close()
            assert missing is not None
            raise missing
        return loaded, bundle

    async def fetch_bytes(self, reference: str) -> Loaded:
        try:
            artifact = await self.artifacts.fetch(reference)
        except ArtifactError as error:
            raise StepFailed("failed to fetch component") from error
        return Loaded(artifact, await asyncio.to_thread(_claims, artifact.data))

    async def store_claims(self, loaded: Loaded) -> None:
        if loaded.signed is not None:
            await self.data.put_claims(loaded.signed.record())

    async def record(self, component_id: str, reference: str, loaded: Loaded) -> ComponentSpec:
        """Write claims and spec into the lattice's bucket."""
        await self.store_claims(loaded)
        return await self.data.ensure_spec(component_id, reference)

    def seed_routes(self, routes: Routes, component_id: str, spec: ComponentSpec) -> None:
        """First routes of a start: what the watch delivered, else the spec just read.

        The spec that was just written is in the bucket before every later delivery, so the watch
        can only bring what is newer.
        """
        routes.set_links(self.links.of_source(component_id) or spec.links)

    async def serve(
        self, component_id: str, compiled: CompiledComponent, code: Code
    ) -> ComponentServing:
        """Take calls with prepared code; when this fails, nothing of it is left."""
        serving = ComponentServing(component_id, code, self.on_log, self.neighbours)
        try:
            await serving.start(self.server, compiled.exports)
        except BaseException:
            self.retire(code, serving)
            raise
        return serving

    async def compile(self, component_id: str, loaded: Loaded) -> CompiledComponent:
        """Compiled code instead of the bytes, which are not needed any more."""
        artifact = loaded.artifact
        try:
            loaded.compiled = await self.engine.load(
                artifact.data,
                name=artifact.reference,
                progress=lambda text: self.on_log(
                    LogLine(component_id, "debug", text, context="compile", stream="host")
                ),
            )
        except WorkbenchError as error:
            raise StepFailed("failed to compile component") from error
        loaded.artifact = replace(artifact, data=b"")
        return loaded.compiled

    def code(
        self,
        component_id: str,
        compiled: CompiledComponent,
        *,
        routes: Routes,
        config: ConfigBundle,
        count: int,
        limits: Mapping[str, str] | None,
    ) -> Code:
        """Runnable code with the imports of this component; `StepFailed` names what is missing."""
        imports = ComponentImports(
            component_id,
            rpc=self.client,
            routes=routes,
            config=lambda: config.values,
            on_log=self.on_log,
            timeout_s=self.options.call_timeout_s,
        )

        def output(stream: str, line: str, context: Any) -> None:
            trace = getattr(context, "traceparent", "")
            self.on_log(LogLine(component_id, "info", line, stream=stream, traceparent=trace))

        try:
            instantiator = compiled.instantiator(
                imports,
                name=component_id,
                limits=self._limits(limits),
                on_log=output,
            )
        except WorkbenchError as error:
            raise StepFailed("failed to instantiate component") from error
        return Code(instantiator, Permits(count), self.options.max_execution_s)

    def _limits(self, limits: Mapping[str, str] | None) -> StoreLimits | None:
        memory = (limits or {}).get("max_memory_limit", "")
        if not (memory.isascii() and memory.isdigit()) or len(memory) > 18:
            return None
        return replace(self.engine.limits, memory_bytes=int(memory))

    def retire(self, code: Code, serving: ComponentServing | None = None) -> None:
        """Let the calls of replaced code end, then close it, in the background.

        When the host stops first, what still runs is cut off.
        """

        async def drain() -> None:
            try:
                if serving is not None:
                    await serving.drained()
                await code.permits.idle()
            finally:
                if serving is not None:
                    await serving.close()
                await code.instantiator.close()

        self.tasks.spawn(drain(), name="draining replaced code")


def _claims(data: bytes) -> SignedComponent | None:
    """The valid claims of a component, ``None`` if it is unsigned (claims-and-artifacts.md §5)."""
    try:
        signed = extract(data)
    except DecodeError as error:
        raise StepFailed("failed to extract module claims") from error
    if signed is not None and (problem := signed.problem(time.time())):
        raise StepFailed(problem)
    return signed
