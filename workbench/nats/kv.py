"""Buckets: keys and values in a stream, with compare-and-set and a watch that survives restarts.

Source: nats.md §3.1 (what a host creates), §4 (operations), §10.5 (watching).
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import NatsError, WrongRevision
from workbench.nats.jetstream import js_message

if TYPE_CHECKING:
    from workbench.nats.connection import Message, Subscription
    from workbench.nats.jetstream import JetStream, JsMessage

__all__ = ["Bucket", "Entry", "Watcher", "bucket_config"]

log = logging.getLogger(__name__)

HEARTBEAT_S = 5
INACTIVE_S = 30  # what async-nats asks for: a consumer we lost is gone after this long
_MARKERS = {"MaxAge": "PURGE", "Purge": "PURGE", "Remove": "DEL"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One revision of a key; ``operation`` is PUT, DEL or PURGE."""

    key: str
    value: bytes
    revision: int
    operation: str = "PUT"


EntryCallback = Callable[["Entry | None"], "Awaitable[None] | None"]


def bucket_config(name: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The stream configuration of a bucket as a real host makes it, with ``options`` on top."""
    return {
        "name": f"KV_{name}",
        "subjects": [f"$KV.{name}.>"],
        "retention": "limits",
        "storage": "file",
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "max_consumers": -1,
        "max_msgs_per_subject": 1,
        "num_replicas": 1,
        "discard": "new",
        "allow_direct": True,
        "allow_rollup_hdrs": True,
        "deny_delete": True,
        "deny_purge": False,
        **(options or {}),
    }


class Bucket:
    """One bucket. Keys are NATS tokens: no spaces, no wildcards."""

    def __init__(self, js: JetStream, name: str) -> None:
        self._js = js
        self.name = name
        self.stream = f"KV_{name}"
        self._subject = f"$KV.{name}."

    def _check(self, key: str) -> str:
        if (
            not key
            or any(c in key for c in " \t\r\n*>")
            or ".." in key
            or key[0] == "."
            or key[-1] == "."
        ):
            raise NatsError(
                f"{key[:80]!r} can't be a key of bucket {self.name}",
                hint="a key has no blanks, no * or >, and no empty part between dots",
            )
        return self._subject + key

    async def get(self, key: str) -> Entry | None:
        """The current value, or None when the key is absent or deleted."""
        message = await self._js.last_message(self.stream, self._check(key))
        if message is None:
            return None
        headers = message.headers or {}
        entry = Entry(
            key, message.data, int(headers.get("Nats-Sequence", "0")), _operation(headers)
        )
        return entry if entry.operation == "PUT" else None

    async def put(self, key: str, value: bytes) -> int:
        """Write; returns the revision."""
        return await self._js.publish(self._js.write_subject(self._check(key)), value)

    async def update(self, key: str, value: bytes, last: int) -> int:
        """Write if ``last`` is still the key's revision (0: the key never was), or `WrongRevision`."""
        return await self._js.publish(
            self._js.write_subject(self._check(key)), value, expect_last_subject_seq=last
        )

    async def create(self, key: str, value: bytes) -> int:
        """Write if the key is absent or deleted, or `WrongRevision`."""
        try:
            return await self.update(key, value, 0)
        except WrongRevision:
            message = await self._js.last_message(self.stream, self._check(key))
            headers = (message.headers or {}) if message else {}
            if message is None or _operation(headers) == "PUT":
                raise
            return await self.update(key, value, int(headers.get("Nats-Sequence", "0")))

    async def delete(self, key: str, *, last: int | None = None) -> None:
        """Leave a delete marker; with ``last`` only if that is still the key's revision."""
        await self._js.publish(
            self._js.write_subject(self._check(key)),
            b"",
            headers={"KV-Operation": "DEL"},
            expect_last_subject_seq=last,
        )

    async def purge(self, key: str) -> None:
        """Remove the key with all its history, leaving a purge marker."""
        await self._js.publish(
            self._js.write_subject(self._check(key)),
            b"",
            headers={"KV-Operation": "PURGE", "Nats-Rollup": "sub"},
        )

    async def entries(self, prefix: str = "") -> list[Entry]:
        """All present keys with their values, in order of writing."""
        found: dict[str, Entry] = {}
        done = asyncio.Event()

        def collect(entry: Entry | None) -> None:
            if entry is None:
                done.set()
            elif entry.operation == "PUT" and entry.key.startswith(prefix):
                found[entry.key] = entry
            else:
                found.pop(entry.key, None)

        watcher = await self.watch(collect)
        try:
            async with asyncio.timeout(10):
                await done.wait()
        except TimeoutError as error:
            raise NatsError(f"bucket {self.name} did not deliver its keys within 10 s") from error
        finally:
            await watcher.stop()
        return sorted(found.values(), key=lambda e: e.revision)

    async def keys(self, prefix: str = "") -> list[str]:
        return [entry.key for entry in await self.entries(prefix)]

    async def watch(self, callback: EntryCallback, *, keys: str = ">") -> Watcher:
        """All current values, then one None, then every change, in order, to ``callback``.

        Deletions come as entries with operation DEL or PURGE. Survives reconnects: nothing is
        lost and nothing comes twice.
        """
        watcher = Watcher(self._js, self, callback, f"$KV.{self.name}.{keys}")
        await watcher._start()
        return watcher


def _operation(headers: Mapping[str, str]) -> str:
    marker = _MARKERS.get(headers.get("Nats-Marker-Reason", ""))
    return marker or headers.get("KV-Operation", "PUT")


class Watcher:
    """A running watch of a bucket; ``stop()`` ends it and removes its consumer."""

    def __init__(
        self, js: JetStream, bucket: Bucket, callback: EntryCallback, filter_subject: str
    ) -> None:
        self._js, self._bucket, self._callback = js, bucket, callback
        self._filter = filter_subject
        self._prefix_len = len(f"$KV.{bucket.name}.")
        self._last_revision = 0
        self._consumer_seq = 0
        self._initial_done = False
        self._consumer = ""
        self._subscription: Subscription | None = None
        self._heard = 0.0
        self._lost = asyncio.Event()
        self._rebuild_lock = asyncio.Lock()
        self._monitor: asyncio.Task[None] | None = None
        self._remove_hook: Callable[[], None] | None = None
        self._stopped = False

    async def _start(self) -> None:
        await self._create({"deliver_policy": "last_per_subject"})
        self._remove_hook = self._js.connection.on_reconnected(self._rebuild)
        self._monitor = asyncio.create_task(self._watch_heartbeats(), name=f"watch {self._filter}")

    async def _create(self, start: Mapping[str, Any]) -> None:
        inbox = self._js.connection.new_inbox()
        self._consumer_seq = 0
        self._heard = asyncio.get_running_loop().time()
        # Messages wait here until the consumer's answer said how many are pending.
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def deliver(message: Message) -> None:
            if not ready.done():
                await asyncio.shield(ready)
            await self._on_message(message)

        self._subscription = await self._js.connection.subscribe(inbox, deliver)
        config = {
            "deliver_subject": inbox,
            "filter_subject": self._filter,
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "idle_heartbeat": HEARTBEAT_S * 1_000_000_000,
            "inactive_threshold": INACTIVE_S * 1_000_000_000,
            "num_replicas": 1,
            "mem_storage": True,
            **start,
        }
        try:
            info = await self._js.create_consumer(self._bucket.stream, config)
        except BaseException:
            await self._subscription.unsubscribe()
            ready.cancel()
            raise
        self._consumer = str(info.get("name", ""))
        if int(info.get("num_pending", 0)) == 0 and not self._initial_done:
            self._initial_done = True
            await self._tell(None)
        ready.set_result(None)

    async def _on_message(self, message: Message) -> None:
        self._heard = asyncio.get_running_loop().time()
        found = js_message(message)
        if found is None or self._stopped:
            return
        if found.consumer_seq != self._consumer_seq + 1:
            # Not rebuilt from here: ending a subscription cancels its running callback.
            log.info("watch of %s lost a message; starting over behind the last one", self._filter)
            self._lost.set()
            return
        self._consumer_seq = found.consumer_seq
        await self._take(found)

    async def _take(self, found: JsMessage) -> None:
        if found.seq > self._last_revision:
            self._last_revision = found.seq
            key = found.subject[self._prefix_len :]
            await self._tell(Entry(key, found.data, found.seq, _operation(found.headers)))
        if found.num_pending == 0 and not self._initial_done:
            self._initial_done = True
            await self._tell(None)

    async def _tell(self, entry: Entry | None) -> None:
        try:
            result = self._callback(entry)
            if inspect.isawaitable(result):
                await result
        except Exception:
            log.exception("a watcher of %s failed on an entry", self._filter)

    async def _rebuild(self) -> None:
        """A new consumer behind the last revision seen, on a new inbox."""
        async with self._rebuild_lock:
            if self._stopped:
                return
            self._lost.clear()
            await self._drop()
            info = await self._js.stream_info(self._bucket.stream)
            last = int((info or {}).get("state", {}).get("last_seq", 0))
            if info is not None and last < self._last_revision:
                # The bucket was deleted and made anew: everything in it is news.
                self._last_revision = 0
            await self._create(
                {"deliver_policy": "by_start_sequence", "opt_start_seq": self._last_revision + 1}
            )

    async def _watch_heartbeats(self) -> None:
        """Rebuild when a message was lost, or the consumer is silent although we are connected."""
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._lost.wait()
            silent_s = loop.time() - self._heard
            quiet = silent_s < 2.5 * HEARTBEAT_S and not self._lost.is_set()
            if quiet or not self._js.connection.is_connected:
                continue
            try:
                await self._rebuild()
            except NatsError as error:
                log.warning("watch of %s can't be rebuilt: %s", self._filter, error)

    async def _drop(self) -> None:
        if self._subscription is not None:
            await self._subscription.unsubscribe()
            self._subscription = None
        consumer, self._consumer = self._consumer, ""
        if consumer and self._js.connection.is_connected:
            try:
                await self._js.delete_consumer(self._bucket.stream, consumer)
            except NatsError as error:
                log.debug("consumer %s stays until it expires: %s", consumer, error)

    async def stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        if self._remove_hook is not None:
            self._remove_hook()
        if self._monitor is not None:
            self._monitor.cancel()
            await asyncio.gather(self._monitor, return_exceptions=True)
        await self._drop()
