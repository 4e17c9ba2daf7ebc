"""Fixtures of the deployment manager: its parts over a real nats-server, no host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.conftest import connect
from workbench.lattice.wadm import WadmClient
from workbench.nats import Bucket, Connection, Server
from workbench.wadm.api import ModelApi
from workbench.wadm.api_server import ApiServer
from workbench.wadm.board import StatusBoard
from workbench.wadm.store import ManifestStore
from workbench.wadm.streams import ensure_all


@dataclass
class Service:
    """An API server with a store and a board, but no engine behind it."""

    nc: Connection
    bucket: Bucket
    store: ManifestStore
    board: StatusBoard
    client: WadmClient


@pytest.fixture
async def service(nats_server: Server, nc: Connection) -> AsyncIterator[Service]:
    serving = await connect(nats_server)
    _, bucket = await ensure_all(serving.js)
    store = ManifestStore(bucket, "default")
    board = StatusBoard(serving.js, "default")

    async def mend() -> None:
        await ensure_all(serving.js)

    models = ModelApi(serving.js, "default", store, board, mend=mend)
    api = ApiServer(serving, lambda _place: models, mend=mend, lattice="default")
    await api.start()
    try:
        yield Service(nc, bucket, store, board, WadmClient(nc))
    finally:
        await api.stop()
        await serving.close()
