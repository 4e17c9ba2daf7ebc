"""What outlives the manager: applications with all their versions, and the record of the lattice.

Keys and values are those of the real one (wadm-engine.md §5), every write is compare-and-set.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from workbench.errors import DecodeError, WrongRevision
from workbench.nats import Bucket
from workbench.wadm.observed import HostState, Observed
from workbench.wire.jsontext import decode, encode
from workbench.wire.manifest import Manifest
from workbench.wire.wadm import StoredManifest

__all__ = ["ManifestStore", "StateStore", "lattices_of", "state_records"]

log = logging.getLogger(__name__)

_TRIES = 3


class ManifestStore:
    """Bucket ``wadm_manifests``: ``{lattice}`` holds the names, ``{lattice}-{name}`` one application.

    ``lattice`` is what the keys of the lattice begin with (`Place.key`).
    """

    def __init__(self, bucket: Bucket, lattice: str) -> None:
        self._bucket = bucket
        self._lattice = lattice

    def _key(self, name: str) -> str:
        return f"{self._lattice}-{name}"

    async def get(self, name: str) -> tuple[StoredManifest, int] | None:
        """An application and its revision."""
        entry = await self._bucket.get(self._key(name))
        if entry is None:
            return None
        return decode(entry.value, StoredManifest, what="stored manifest"), entry.revision

    async def put(self, name: str, stored: StoredManifest, revision: int | None) -> None:
        """Write an application; ``revision`` None for a new one. Raises `WrongRevision`."""
        data = encode(stored)
        if revision is None:
            await self._bucket.put(self._key(name), data)
        else:
            await self._bucket.update(self._key(name), data, revision)

    async def write_back(self, name: str, manifest: Manifest) -> None:
        """Store the deployed version of an application that is not there any more."""
        version = manifest.version or ""
        await self.put(name, StoredManifest({version: manifest.to_obj()}, version), None)
        await self.add_name(name)

    async def purge(self, name: str) -> None:
        await self._bucket.purge(self._key(name))

    async def exists(self) -> bool:
        """Whether the lattice ever had an application here; False in a bucket made anew."""
        return await self._bucket.get(self._lattice) is not None

    async def names(self) -> list[str]:
        """Names of the applications of the lattice, sorted."""
        return (await self._names())[0]

    async def _names(self) -> tuple[list[str], int]:
        entry = await self._bucket.get(self._lattice)
        if entry is None:
            return [], 0
        return sorted(decode(entry.value, list[str], what="set of names")), entry.revision

    async def add_name(self, name: str) -> None:
        await self._change_names(lambda names: names | {name})

    async def remove_name(self, name: str) -> None:
        await self._change_names(lambda names: names - {name})

    async def _change_names(self, change: Callable[[set[str]], set[str]]) -> None:
        for attempt in range(1, _TRIES + 1):
            names, revision = await self._names()
            wanted = sorted(change(set(names)))
            if wanted == names and revision:
                return
            data = encode(wanted)
            try:
                if revision:
                    await self._bucket.update(self._lattice, data, revision)
                else:
                    await self._bucket.create(self._lattice, data)
                return
            except WrongRevision:
                if attempt == _TRIES:
                    raise

    async def all(self) -> dict[str, StoredManifest]:
        """Every application of the lattice that reads."""
        return {name: stored for name, stored in (await self.look()).items() if stored}

    async def look(self) -> dict[str, StoredManifest | None]:
        """Every application of the lattice; None for one whose entry does not read."""
        found: dict[str, StoredManifest | None] = {}
        for name in await self.names():
            try:
                stored = await self.get(name)
            except DecodeError as error:
                log.warning("the entry of %s in bucket %s: %s", name, self._bucket.name, error)
                found[name] = None
            else:
                if stored is not None:
                    found[name] = stored[0]
        return found


async def lattices_of(bucket: Bucket) -> list[str]:
    """The lattices that have a deployed application here, by their keys (§5.1).

    A set of names is a list, an application is not: only that tells the lattice ``a-b`` from the
    application ``b`` of lattice ``a``.
    """
    entries = {entry.key: entry.value for entry in await bucket.entries()}
    found = []
    for lattice, value in entries.items():
        try:
            names = decode(value, list[str], what="set of names")
        except DecodeError:
            continue
        if any(_is_deployed(entries.get(f"{lattice}-{name}")) for name in names):
            found.append(lattice)
    return found


def _is_deployed(value: bytes | None) -> bool:
    try:
        entry = decode(value or b"", StoredManifest, what="stored manifest")
    except DecodeError:
        return False
    return entry.deployed_version is not None


class StateStore:
    """Bucket ``wadm_state``: a cache for other programs; we never read it back."""

    def __init__(self, bucket: Bucket, lattice: str) -> None:
        self._bucket = bucket
        self._lattice = lattice
        self._written: dict[str, bytes] = {}

    def forget(self) -> None:
        """Write everything again, next time: what was written may be gone."""
        self._written.clear()

    async def write(self, observed: Observed, last_seen: Mapping[str, float]) -> None:
        """Write the maps that changed since the last call."""
        for kind, records in state_records(observed, last_seen).items():
            key, data = f"{kind}_{self._lattice}", encode(records)
            if self._written.get(key) != data:
                await self._bucket.put(key, data)
                self._written[key] = data


def state_records(
    observed: Observed, last_seen: Mapping[str, float]
) -> dict[str, dict[str, dict[str, Any]]]:
    """The three maps of §5.2."""
    hosts = {h.id: _host(h, last_seen.get(h.id, h.last_seen)) for h in observed.hosts.values()}
    components: dict[str, dict[str, Any]] = {}
    providers: dict[str, dict[str, Any]] = {}
    for host in observed.hosts.values():
        for name, running in host.components.items():
            record = components.setdefault(
                name,
                {
                    "id": name,
                    "name": "",
                    "issuer": "",
                    "instances": {},
                    "reference": running.reference,
                },
            )
            entry = {"annotations": dict(running.annotations), "count": running.count}
            record["instances"][host.id] = [entry]
        for name, running in host.providers.items():
            record = providers.setdefault(
                name,
                {"id": name, "name": "", "issuer": "", "reference": running.reference, "hosts": {}},
            )
            record["hosts"][host.id] = host.health.get(name, "Pending")
    return {"host": hosts, "component": components, "provider": providers}


def _host(host: HostState, last_seen: float) -> dict[str, Any]:
    return {
        "components": {name: running.count for name, running in host.components.items()},
        "friendly_name": host.friendly_name,
        "labels": dict(host.labels),
        "providers": [
            {
                "provider_id": name,
                "provider_ref": running.reference,
                "annotations": dict(running.annotations),
            }
            for name, running in host.providers.items()
        ],
        "uptime_seconds": host.uptime_s,
        "version": host.version,
        "id": host.id,
        "last_seen": datetime.fromtimestamp(last_seen, UTC).isoformat().replace("+00:00", "Z"),
    }
