"""LATTICEDATA_<lattice>: specs and claims that all hosts of a lattice share.

Writes are read-modify-write under one lock per key and, because another host may write the same
key at the same moment, compare-and-set with a retry: hosts of the real kind ignore revisions and
tolerate both (events-and-lattice-data.md §B.2, §C.10.7). Reading happens through one watch of the
whole bucket, which starts with all current values (§B.4): nothing can fall between the two.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from workbench.errors import NatsError, RemoteError, WrongRevision
from workbench.host.failures import StepFailed
from workbench.host.keys import checked_name
from workbench.wire.records import (
    ClaimsRecord,
    ComponentSpec,
    claims_key,
    component_key,
    encode,
    parse_claims,
    parse_component_spec,
    split_key,
)

if TYPE_CHECKING:
    from workbench.nats import Bucket, Entry, Watcher

__all__ = ["LatticeData", "SpecObserver"]

_log = logging.getLogger(__name__)

_ATTEMPTS = 32
_INITIAL_VALUES_S = 10.0

T = TypeVar("T")


class SpecObserver:
    """What is told of every delivery, in the order of the bucket. Both methods must be quick."""

    def spec_delivered(self, component_id: str, spec: ComponentSpec) -> None:
        raise NotImplementedError

    def claims_delivered(self, record: ClaimsRecord) -> None:
        raise NotImplementedError


class LatticeData:
    """Reads, changes and follows the bucket."""

    def __init__(self, observer: SpecObserver) -> None:
        self._opened: Bucket | None = None
        self._observer = observer
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._watcher: Watcher | None = None
        self._loaded = asyncio.Event()

    def use(self, bucket: Bucket) -> None:
        """The bucket, opened after the host has subscribed (§C.1)."""
        self._opened = bucket

    @property
    def _bucket(self) -> Bucket:
        if self._opened is None:
            raise NatsError("the lattice bucket is not open")
        return self._opened

    async def start(self) -> None:
        """Watch, and return when every value that was there has been delivered."""
        self._watcher = await self._bucket.watch(self._delivered)
        try:
            async with asyncio.timeout(_INITIAL_VALUES_S):
                await self._loaded.wait()
        except TimeoutError as error:
            raise NatsError(f"bucket {self._bucket.name} did not deliver its values") from error

    async def stop(self) -> None:
        if self._watcher is not None:
            await self._watcher.stop()
            self._watcher = None

    async def ensure_spec(self, component_id: str, url: str) -> ComponentSpec:
        """The spec, created with ``url`` if missing; written back even if unchanged (§B.7)."""

        def keep(spec: ComponentSpec | None) -> tuple[ComponentSpec, ComponentSpec]:
            known = spec if spec is not None else ComponentSpec(url=url)
            return known, known

        return await self.change_spec(component_id, keep)

    async def change_spec(
        self,
        component_id: str,
        change: Callable[[ComponentSpec | None], tuple[ComponentSpec | None, T]],
    ) -> T:
        """Apply a pure ``change`` to the spec; it may run again if another host was faster.

        ``change`` gets the stored spec or ``None`` and returns what to write (``None``: nothing)
        and the result. `StepFailed` with the real host's texts when reading or writing fails.
        """
        key = component_key(component_id)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            for _ in range(_ATTEMPTS):
                entry, spec = await self._read(key)
                wanted, result = change(spec)
                if wanted is None or await self._write(key, wanted, entry):
                    return result
        raise StepFailed("failed to put component spec") from WrongRevision(
            f"{key} was changed by others {_ATTEMPTS} times in a row"
        )

    async def put_claims(self, record: ClaimsRecord) -> None:
        await self._bucket.put(claims_key(record.subject), encode(record))

    async def _read(self, key: str) -> tuple[Entry | None, ComponentSpec | None]:
        try:
            entry = await self._bucket.get(checked_name(key))
            return entry, None if entry is None else parse_component_spec(entry.value)
        except (NatsError, RemoteError) as error:
            raise StepFailed("failed to get component spec") from error

    async def _write(self, key: str, spec: ComponentSpec, entry: Entry | None) -> bool:
        """Whether the write won against other writers."""
        try:
            if entry is None:
                await self._bucket.create(key, encode(spec))
            else:
                await self._bucket.update(key, encode(spec), entry.revision)
        except WrongRevision:
            return False
        except NatsError as error:
            raise StepFailed("failed to put component spec") from error
        return True

    def _delivered(self, entry: Entry | None) -> None:
        if entry is None:
            self._loaded.set()
            return
        kind, name = split_key(entry.key)
        if entry.operation != "PUT":
            # §B.4: markers leave links and claims in memory; real hosts never write any.
            _log.warning("%s marker on %s is ignored", entry.operation, entry.key)
            return
        try:
            if kind == "COMPONENT":
                self._observer.spec_delivered(name, parse_component_spec(entry.value))
            elif kind == "CLAIMS":
                self._claims(name, entry.value)
            elif kind not in ("LINKDEF", "REFMAP"):
                _log.warning("unsupported entry %r in %s", entry.key, self._bucket.name)
        except RemoteError as error:
            _log.error("bad value under %r in %s: %s", entry.key, self._bucket.name, error)

    def _claims(self, subject: str, value: bytes) -> None:
        record = parse_claims(value)
        if record.subject != subject:
            _log.error("claims under %r: subject mismatch", subject)
            return
        self._observer.claims_delivered(record)
