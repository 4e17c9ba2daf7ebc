"""Applications of the deployment manager, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError, WadmError
from workbench.wire import manifest as manifests
from workbench.wire.wadm import APPSPEC

if TYPE_CHECKING:
    from workbench._aio_lattice import Lattice
    from workbench.lattice.state import LatticeState
    from workbench.wadm import Keeper
    from workbench.wire.manifest import Manifest
    from workbench.wire.wadm import Status

__all__ = ["App", "checked_manifest", "keeper_of", "read_manifest"]

# The manager tries again by itself; this long is worth waiting for a better outcome.
FAILURE_PATIENCE_S = 5.0


class App:
    """One application of the deployment manager, by name."""

    def __init__(self, lattice: Lattice, name: str) -> None:
        self._lattice = lattice
        self.name = name

    def __repr__(self) -> str:
        known = self._lattice.state.apps.get(self.name)
        return f"<app {self.name}: {known.status.status.type if known else 'not heard of yet'}>"

    async def status(self) -> Status:
        return await self._lattice.wadm_client.status(self.name)

    async def manifest(self, version: str | None = None) -> Any:
        return await self._lattice.wadm_client.get(self.name, version)

    async def versions(self) -> list[Any]:
        return await self._lattice.wadm_client.versions(self.name)

    async def undeploy(self) -> None:
        """Take it off the lattice; its manifest stays stored."""
        self._lattice._write()
        await self._lattice.wadm_client.undeploy(self.name)

    async def delete(self) -> bool:
        """Forget it with all versions; False when it was not there."""
        self._lattice._write()
        return await self._lattice.wadm_client.delete(self.name)

    async def wait(
        self,
        *,
        timeout_s: float = 60.0,
        patience_s: float = FAILURE_PATIENCE_S,
        on_status: Callable[[Status], None] | None = None,
    ) -> Status:
        """The status once it is deployed; ``on_status`` hears each change before.

        An application without any part that runs stays ``undeployed`` although it is deployed:
        then that status comes at once. Raises `WadmError` with the manager's words when it is not deployed in time, or when it
        has failed and nothing improved for ``patience_s``.
        """
        last: Status | None = None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        try:
            async with asyncio.timeout_at(deadline) as limit:
                async for status in self._lattice.wadm_client.watch_status(self.name):
                    last = status
                    if on_status is not None:
                        on_status(status)
                    if status.type == "undeployed" and await self._has_no_parts(status):
                        return status
                    if status.type == "deployed" and not await self._troubles_of_providers():
                        return status
                    failed = status.type in ("failed", "deployed")
                    patience = loop.time() + patience_s
                    limit.reschedule(min(deadline, patience) if failed else deadline)
        except TimeoutError:
            pass
        raise _not_deployed(self.name, last, self._lattice.state)

    async def _has_no_parts(self, status: Status) -> bool:
        """Whether it is deployed and has nothing to run, so that no status will ever say more."""
        from workbench.wadm.desired import desired

        if status.scalers:
            return False
        deployed = next((v.version for v in await self.versions() if v.deployed), None)
        return deployed is not None and not desired(await self.manifest(deployed)).scalers

    async def _troubles_of_providers(self) -> list[str]:
        """Why providers of it are unwell. The manager calls a link deployed when it is stored;
        whether its provider takes it shows a moment later."""
        await self._lattice.settled()
        return [
            provider.error
            for _, provider in self._lattice.state.providers()
            if provider.error and provider.annotations.get(APPSPEC) == self.name
        ]

    @property
    def story(self) -> list[Any]:
        """What our own manager did for it and why, oldest first; empty with a foreign manager."""
        manager = self._lattice.manager
        return list(manager.story(self.name)) if manager is not None and manager.running else []


async def keeper_of(lattice: Lattice) -> Keeper:
    """Who manages the applications of the lattice: this kernel, another program, or nobody."""
    from workbench.wadm import Keeper, keeper_of

    if lattice.wadm:
        return Keeper("ours", "this kernel")
    return await keeper_of(lattice.nc, lattice.name)


def _not_deployed(name: str, status: Status | None, state: LatticeState) -> WadmError:
    """Which parts are not there, what the lattice knows of them, and how to look again."""
    if status is None:
        return WadmError(f"no status of {name} came", hint="`%wasmcloud doctor` tells why")
    parts = [
        f"{scaler.name}: {scaler.status.message or scaler.status.type}"
        for scaler in status.scalers
        if scaler.status.type != "deployed"
    ]
    # The manager hears that a provider is unwell, not why.
    told = status.status.message + "".join(parts)
    parts += dict.fromkeys(
        f"{thing.id}: {thing.error}"
        for _, thing in (*state.components(), *state.providers())
        if thing.error and thing.error not in told and thing.annotations.get(APPSPEC) == name
    )
    error = WadmError(
        f"{name} is not deployed but {status.type}",
        hint=f"mend that and run the cell again, or wait: `%wasmcloud app status {name} --wait`",
        status=status,
    )
    for part in parts:
        error.add_note(part)
    return error


def checked_manifest(source: Any) -> Manifest:
    """A manifest from text, path or mapping, validated; `ManifestError` with every finding."""
    examined = manifests.examine(read_manifest(source) if isinstance(source, Path) else source)
    errors = tuple(finding for finding in examined.findings if finding.level == "error")
    if errors or examined.manifest is None:
        raise manifests.failed(errors)
    return examined.manifest


def read_manifest(path: Path) -> str:
    """The text of a manifest file; `UsageError` if it can't be read."""
    try:
        return path.read_text()
    except OSError as error:
        raise UsageError(
            f"the manifest {path} can't be read: {error.strerror}",
            hint=f"paths start at {Path.cwd()}; give the path of a YAML file",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text", hint="give the path of a YAML file") from error
