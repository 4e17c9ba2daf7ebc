"""A client and a server of ours, each on a connection of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.rpc.rig import Rig, end_rig, make_rig
from workbench.nats import Server


@pytest.fixture
async def rig(nats_server: Server) -> AsyncIterator[Rig]:
    made = await make_rig(nats_server)
    try:
        yield made
    finally:
        await end_rig(made)


@pytest.fixture
async def small_rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig on a server that takes only 4 KiB at a time."""
    server = await Server.start(max_payload=4096)
    made = await make_rig(server)
    try:
        yield made
    finally:
        await end_rig(made)
        await server.stop()
