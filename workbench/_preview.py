"""What a deployment would change on a lattice, ours or another's: it is only looked at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from workbench._apps import checked_manifest
from workbench.errors import WadmError
from workbench.wadm.desired import Desired, desired
from workbench.wadm.observed import Observed, with_config, with_inventory, with_links
from workbench.wadm.preview import Preview, preview

if TYPE_CHECKING:
    from workbench._aio_lattice import Lattice
    from workbench.lattice.wadm import WadmClient
    from workbench.wire.manifest import Manifest

__all__ = ["preview_of"]


async def preview_of(lattice: Lattice, source: Any) -> Preview:
    """What deploying a manifest would change, and why; nothing is stored or sent to a host.

    Raises `ManifestError`, and `WadmError` for a version that is stored already with other
    content. What else would keep it from being deployed is in the preview's ``status``.
    """
    manifest = checked_manifest(source)
    deployed = await _deployed(lattice.wadm_client)
    await _check_version(lattice.wadm_client, manifest)
    wanted, before = desired(manifest), deployed.pop(manifest.name, None)
    scalers = (*wanted.scalers, *(before.scalers if before else ()))
    configs = {need.name for scaler in scalers for need in scaler.needs}
    observed = await _observed(lattice, configs)
    return preview(observed, wanted, before, deployed.values())


async def _deployed(client: WadmClient) -> dict[str, Desired]:
    """Every deployed application, as the manager has it."""
    versions = {s.name: s.deployed_version for s in await client.list() if s.deployed_version}
    found = await asyncio.gather(*(client.get(name, v) for name, v in versions.items()))
    return {manifest.name: desired(manifest) for manifest in found}


async def _check_version(client: WadmClient, manifest: Manifest) -> None:
    version = manifest.version
    if version is None or manifest.name not in {s.name for s in await client.list()}:
        return
    stored = {known.version for known in await client.versions(manifest.name)}
    if version in stored and await client.get(manifest.name, version) != manifest:
        raise WadmError(
            f"version {version} of {manifest.name} is stored already, with other content",
            hint="change the annotation 'version' in the manifest, or leave it out",
            name=manifest.name,
            version=version,
        )


async def _observed(lattice: Lattice, configs: set[str]) -> Observed:
    """The lattice as its hosts tell it now."""
    control = lattice.control
    seen = Observed()
    for inventory in await control.inventories():
        seen, _ = with_inventory(seen, inventory.host_id, inventory, 0.0)
    if not seen.hosts:
        return seen
    seen, _ = with_links(seen, await control.links())
    names = sorted(configs)
    for name, values in zip(
        names, await asyncio.gather(*map(control.get_config, names)), strict=True
    ):
        seen, _ = with_config(seen, name, values)
    return seen
