"""Named configuration: CONFIGDATA_<lattice>, and the merged, live views that are made of it.

events-and-lattice-data.md §B.6. One watch covers the whole bucket; it starts at the first use of a
config, before the first value is read, so that no change can fall between reading and watching.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from workbench.errors import DecodeError, NatsError
from workbench.host.failures import StepFailed
from workbench.host.keys import checked_name
from workbench.wire.records import is_secret_name, merge_configs, parse_config

if TYPE_CHECKING:
    from workbench.nats import Bucket, Entry, Watcher

__all__ = ["ConfigBundle", "ConfigStore"]

_log = logging.getLogger(__name__)


class ConfigBundle:
    """The merge of an ordered list of configs, kept current until `close`.

    ``values`` is replaced, never mutated: a reader keeps what it saw.
    """

    def __init__(
        self, store: ConfigStore, names: Sequence[str], on_change: Callable[[], None] | None
    ) -> None:
        self.names = tuple(names)
        self.values: dict[str, str] = {}
        self._store = store
        self._on_change = on_change

    def refresh(self, current: Callable[[str], dict[str, str]]) -> None:
        """Merge anew; later names win. Tells the owner only of real changes."""
        merged = merge_configs(current(name) for name in self.names)
        if merged != self.values:
            self.values = merged
            if self._on_change is not None:
                self._on_change()

    def close(self) -> None:
        self._store.forget(self)


class _Named:
    """The last known value of one config; a deleted one is an empty map."""

    __slots__ = ("revision", "values")

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.revision = 0


class ConfigStore:
    """Reads and writes named configs and keeps every bundle up to date."""

    def __init__(self) -> None:
        self._opened: Bucket | None = None
        self._known: dict[str, _Named] = {}
        self._bundles: set[ConfigBundle] = set()
        self._watcher: Watcher | None = None
        self._watch_lock = asyncio.Lock()

    def use(self, bucket: Bucket) -> None:
        """The bucket, opened after the host has subscribed (§C.1)."""
        self._opened = bucket

    @property
    def _bucket(self) -> Bucket:
        if self._opened is None:
            raise NatsError("the config bucket is not open")
        return self._opened

    async def put(self, name: str, data: bytes) -> None:
        """Store the bytes as they came; the caller has checked that they are a string map."""
        await self._bucket.put(checked_name(name), data)

    async def delete(self, name: str) -> None:
        await self._bucket.purge(checked_name(name))

    async def get(self, name: str) -> dict[str, str] | None:
        """The stored map, ``None`` if there is none; `DecodeError` if it is something else."""
        entry = await self._bucket.get(checked_name(name))
        return None if entry is None else parse_config(entry.value)

    async def exists(self, name: str) -> bool:
        return await self._bucket.get(checked_name(name)) is not None

    async def bundle(
        self, names: Sequence[str], on_change: Callable[[], None] | None = None
    ) -> ConfigBundle:
        """A live merge of ``names``. Every one must exist now, else `StepFailed`.

        ``on_change`` is called for changes after this returned.
        """
        refuse_secrets(names)
        await self._load(names)
        bundle = ConfigBundle(self, names, None)
        bundle.refresh(self._current)
        bundle._on_change = on_change
        self._bundles.add(bundle)
        return bundle

    async def start_bundle(
        self, names: Sequence[str], on_change: Callable[[], None] | None = None
    ) -> ConfigBundle:
        """`bundle`, with the error that a start reports when a config is missing."""
        refuse_secrets(names)
        try:
            return await self.bundle(names, on_change)
        except (StepFailed, NatsError) as error:
            raise StepFailed("Unable to fetch requested config") from error

    async def values(self, names: Sequence[str]) -> dict[str, str]:
        """The merge of ``names`` at this moment, as links get it; `StepFailed` as in `bundle`."""
        refuse_secrets(names)
        return merge_configs([await self._existing(name) for name in names])

    def forget(self, bundle: ConfigBundle) -> None:
        self._bundles.discard(bundle)

    async def stop(self) -> None:
        if self._watcher is not None:
            await self._watcher.stop()
            self._watcher = None
        self._bundles.clear()

    async def _load(self, names: Sequence[str]) -> None:
        if not names:
            return
        await self._watch()
        for name in names:
            try:
                entry = await self._bucket.get(checked_name(name))
                if entry is None:
                    raise StepFailed(f"Config {name} does not exist")
                self._learn(name, entry.revision, parse_config(entry.value))
            except DecodeError as error:
                raise _corrupt() from error

    async def _existing(self, name: str) -> dict[str, str]:
        try:
            values = await self.get(name)
        except DecodeError as error:
            raise _corrupt() from error
        if values is None:
            raise StepFailed(f"Config {name} does not exist")
        return values

    async def _watch(self) -> None:
        async with self._watch_lock:
            if self._watcher is None:
                self._watcher = await self._bucket.watch(self._delivered)

    def _delivered(self, entry: Entry | None) -> None:
        """One change from the bucket; a bad value leaves the old one in force."""
        if entry is None or entry.key not in self._known:
            return
        values: dict[str, str] = {}
        if entry.operation == "PUT":
            try:
                values = parse_config(entry.value)
            except DecodeError as error:
                _log.error(
                    "config %r holds no string map, the old value stays: %s", entry.key, error
                )
                return
        self._learn(entry.key, entry.revision, values)

    def _learn(self, name: str, revision: int, values: dict[str, str]) -> None:
        known = self._known.setdefault(name, _Named())
        if revision <= known.revision:
            return
        known.revision, known.values = revision, values
        for bundle in [b for b in self._bundles if name in b.names]:
            bundle.refresh(self._current)

    def _current(self, name: str) -> dict[str, str]:
        return self._known[name].values


def refuse_secrets(names: Sequence[str]) -> None:
    """Secret references need a secrets backend, which this host does not have."""
    if any(is_secret_name(name) for name in names):
        raise StepFailed(
            "Unable to fetch requested secrets: "
            "secret store not configured, could not fetch secrets"
        )


def _corrupt() -> StepFailed:
    return StepFailed("Data corruption error, unable to decode data from store")
