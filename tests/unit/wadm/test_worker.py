"""The worker of a lattice: a fault of ours in one event ends nothing; watchers hear of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from workbench.nats import Connection
from workbench.wadm.place import Place
from workbench.wadm.store import ManifestStore, StateStore
from workbench.wadm.streams import ensure_all
from workbench.wadm.worker import Worker
from workbench.wire import events


@pytest.fixture
async def worker(nc: Connection) -> AsyncIterator[Worker]:
    state, manifests = await ensure_all(nc.js)

    async def mend() -> None:
        await ensure_all(nc.js)

    store, states = ManifestStore(manifests, "default"), StateStore(state, "default")
    worker = Worker(nc, Place("default"), store, states, mend=mend)
    worker.start()
    await worker.ready()
    yield worker
    await worker.stop()


async def test_a_fault_of_ours_is_a_problem_and_the_next_event_is_handled(
    worker: Worker, nc: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = asyncio.Event()
    worker.subscribe(changed.set)
    observe = worker.engine.observe

    def faulty(event: events.Event, now: float) -> None:
        if event.source == "bad":
            raise RuntimeError("a bug")
        observe(event, now)

    monkeypatch.setattr(worker.engine, "observe", faulty)
    for source in ("bad", "N1"):
        data = events.host_started(source, friendly_name="n", labels={}, version="1.9.2")
        await nc.js.publish("wasmbus.evt.default.host_started", data)
    async with asyncio.timeout(10.0):
        while "N1" not in worker.engine.observed.hosts:
            changed.clear()
            await changed.wait()
    assert list(worker.problems) == ["an event could not be handled: RuntimeError: a bug"]


async def test_a_watcher_that_fails_disturbs_nobody(worker: Worker, nc: Connection) -> None:
    heard = asyncio.Event()

    def bad() -> None:
        raise RuntimeError("not mine")

    worker.subscribe(bad)
    unsubscribe = worker.subscribe(heard.set)
    worker.trouble("x")
    worker.trouble("x")
    assert heard.is_set()
    assert list(worker.problems) == ["x"]
    heard.clear()
    unsubscribe()
    unsubscribe()
    worker.trouble("y")
    assert not heard.is_set()
