"""Fixtures that every test may use: a private nats-server and a connection to it."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from workbench.nats import Connection, Server

# A shell that starts tests in the background has their interrupts ignored, and some test those.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, unless new ones are asked for (`make fuzz` does). No deadline:
# machines are shared, and speed is what benchmarks are for.
settings.register_profile(
    "workbench", deadline=None, derandomize="WORKBENCH_EXPLORE" not in os.environ
)
settings.load_profile("workbench")


@pytest.fixture(scope="session", autouse=True)
def private_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers of this test process, and of its children, keep their files in a folder of ours.

    So that a test that looks for what was left behind sees only its own.
    """
    folder = str(tmp_path_factory.mktemp("tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
async def nats_server() -> AsyncIterator[Server]:
    """A nats-server of this test alone (starting one takes about 10 ms)."""
    server = await Server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def nc(nats_server: Server) -> AsyncIterator[Connection]:
    """A connection to the test's own server."""
    connection = await connect(nats_server)
    try:
        yield connection
    finally:
        await connection.close()


async def connect(server: Server, **options: object) -> Connection:
    """A further connection to a server of ours, with its credentials."""
    return await Connection.connect(
        server.url,
        user=server.user,
        password=server.password,
        **options,  # type: ignore[arg-type]
    )
