"""Recorded hosts on a real nats-server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.lattice.lives import HOST_A, HOST_B
from tests.unit.lattice.recorded_host import RecordedHost
from workbench.nats import Connection


@pytest.fixture
async def host(nc: Connection) -> AsyncIterator[RecordedHost]:
    host = await RecordedHost(nc, HOST_A, "calm-lake-0001", zone="a").start()
    yield host
    await host.stop()


@pytest.fixture
async def second_host(nc: Connection) -> AsyncIterator[RecordedHost]:
    host = await RecordedHost(nc, HOST_B, "dark-fox-0002", zone="b").start()
    yield host
    await host.stop()
