"""A provider on a lattice of its own, with components that the tests write."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.conftest import connect
from tests.integration.http_provider.provider_lattice import Lattice
from workbench.nats import Server


@pytest.fixture
async def lattice(nats_server: Server) -> AsyncIterator[Lattice]:
    provider_nc, component_nc = await connect(nats_server), await connect(nats_server)
    lattice = Lattice(provider_nc, component_nc)
    try:
        yield lattice
    finally:
        await lattice.close()
        await provider_nc.close()
        await component_nc.close()
