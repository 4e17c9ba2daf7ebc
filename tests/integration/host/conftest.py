"""Fixtures of the host's integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from wasmtime import wat2wasm

from tests.conftest import connect
from tests.integration.host.component_calls import Adder
from tests.integration.host.host_lattice import Lattice, Tap
from workbench.nats import Connection, Server
from workbench.wasm import Engine

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="session")
def components(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small components of the recordings, compiled from their text."""
    folder = tmp_path_factory.mktemp("components")
    tiny = bytes(wat2wasm((GOLDEN / "tiny.wat").read_text()))
    (folder / "tiny.wasm").write_bytes(tiny)
    (folder / "hello.wasm").write_bytes(tiny)
    (folder / "tiny2.wasm").write_bytes(bytes(wat2wasm((GOLDEN / "tiny2.wat").read_text())))
    for source in (Path(__file__).parent / "components").glob("*.wat"):
        (folder / f"{source.stem}.wasm").write_bytes(bytes(wat2wasm(source.read_text())))
    return folder


@pytest.fixture
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    engine = Engine(cache_dir=tmp_path_factory.getbasetemp() / "compiled")
    try:
        yield engine
    finally:
        await engine.close()


@pytest.fixture
async def lattice(
    nats_server: Server, nc: Connection, engine: Engine, components: Path
) -> AsyncIterator[Lattice]:
    """A lattice without hosts; those a test adds are stopped after it."""
    lattice = Lattice(nats_server, nc, engine, components)
    try:
        yield lattice
    finally:
        await lattice.close()


@pytest.fixture
async def tap(lattice: Lattice) -> Tap:
    tap = Tap(lattice.nc)
    await tap.start()
    return tap


@pytest.fixture(scope="session")
def golden() -> Path:
    return GOLDEN


@pytest.fixture
async def tap_of() -> AsyncIterator[Callable[[Server], Awaitable[Tap]]]:
    """Taps on servers that a test started itself."""
    connections: list[Connection] = []

    async def make(server: Server) -> Tap:
        connections.append(await connect(server))
        tap = Tap(connections[-1])
        await tap.start()
        return tap

    yield make
    for connection in connections:
        await connection.close()


@pytest.fixture
async def client(lattice: Lattice):
    client = lattice.client()
    yield client
    await client.close()


@pytest.fixture
async def adder(lattice: Lattice):
    adder = Adder(lattice)
    yield adder
    adder.gate.set()
    await adder.server.close()
