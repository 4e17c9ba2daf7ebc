"""What applications of one lattice mean to each other: shared components, explicit ids.

Sources: wadm-api.md §3.7 and §7.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.errors import ManifestError
from workbench.wire.manifest import Component, Manifest, parse
from workbench.wire.wadm import StoredManifest

__all__ = ["IdConflict", "missing_shared", "taken_id"]


@dataclass(frozen=True, slots=True)
class IdConflict:
    """An explicit id that another deployed application uses."""

    id: str
    app: str


def taken_id(manifest: Manifest, stored: Mapping[str, StoredManifest]) -> IdConflict | None:
    """The first explicit id that a *different* deployed application has as well."""
    wanted = [c.properties.id for c in manifest.components if c.properties.id is not None]
    for app, components in _deployed(stored):
        if app == manifest.name:
            continue
        taken = {c.properties.id for c in components}
        for identifier in wanted:
            if identifier in taken:
                return IdConflict(identifier, app)
    return None


def _deployed(stored: Mapping[str, StoredManifest]) -> Iterator[tuple[str, tuple[Component, ...]]]:
    for app, entry in stored.items():
        if entry.deployed_version is not None:
            manifest = _read(entry, entry.deployed_version)
            yield app, manifest.components if manifest else ()


def missing_shared(manifest: Manifest, stored: Mapping[str, StoredManifest]) -> list[str]:
    """Components of the manifest whose shared application is not deployed, by local name.

    As upstream, what the *latest stored* version says about sharing counts.
    """
    return [
        component.name
        for component in manifest.components
        if component.properties.application is not None and not _is_shared(component, stored)
    ]


def _is_shared(component: Component, stored: Mapping[str, StoredManifest]) -> bool:
    wanted = component.properties.application
    entry = stored.get(wanted.name) if wanted else None
    if wanted is None or entry is None or entry.deployed_version is None:
        return False
    manifest = _read(entry, entry.latest)
    return (
        manifest is not None
        and manifest.shared
        and any(
            c.name == wanted.component and c.type == component.type for c in manifest.components
        )
    )


def _read(entry: StoredManifest, version: str) -> Manifest | None:
    try:
        return parse(entry.manifests.get(version) or {})
    except ManifestError:
        return None
