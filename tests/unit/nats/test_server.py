from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import connect
from workbench.errors import ConnectFailed, ServerFailed
from workbench.nats import Connection, Server


async def test_it_listens_on_loopback_only_and_wants_its_credentials() -> None:
    server = await Server.start()
    try:
        assert server.url.startswith("nats://127.0.0.1:")
        with pytest.raises(ConnectFailed):
            await Connection.connect(server.url)
        await (await connect(server)).close()
    finally:
        await server.stop()


async def test_stopping_removes_process_files_and_temporary_store() -> None:
    server = await Server.start()
    pid, store, home = server.pid, server.store_dir, server._home
    assert pid is not None and store.exists()
    await server.stop()
    assert not store.exists() and not home.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await server.stop()


async def test_a_given_store_stays_and_carries_data_over(tmp_path: Path) -> None:
    for round_ in (0, 1):
        server = await Server.start(store_dir=tmp_path)
        nc = await connect(server)
        bucket = await nc.js.bucket("b", create={})
        if round_ == 0:
            await bucket.put("k", b"kept")
        else:
            entry = await bucket.get("k")
            assert entry is not None and entry.value == b"kept"
        await nc.close()
        await server.stop()


async def test_two_servers_never_share_a_store(tmp_path: Path) -> None:
    server = await Server.start(store_dir=tmp_path)
    try:
        with pytest.raises(ServerFailed, match="another lattice"):
            await Server.start(store_dir=tmp_path)
    finally:
        await server.stop()


async def test_a_port_in_use_is_reported_with_the_servers_words() -> None:
    server = await Server.start()
    try:
        port = int(server.url.rsplit(":", 1)[1])
        with pytest.raises(ServerFailed, match="address already in use"):
            await Server.start(port=port)
    finally:
        await server.stop()


KERNEL = """
import asyncio, sys
from workbench.nats import Server
async def main():
    server = await Server.start()
    print(server.pid, server._lifeline.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_the_server_dies_with_a_killed_kernel_and_survives_an_interrupt() -> None:
    kernel = subprocess.Popen(  # noqa: ASYNC220 (started once, in a test)
        [sys.executable, "-c", KERNEL], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert kernel.stdout is not None
    line = await asyncio.to_thread(kernel.stdout.readline)
    server_pid, lifeline_pid = map(int, line.split())
    assert os.getsid(server_pid) != os.getsid(kernel.pid)
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()
    kernel.stdout.close()
    async with asyncio.timeout(5):
        for pid in (server_pid, lifeline_pid):
            while _alive(pid):  # noqa: ASYNC110 (a foreign process has no event)
                await asyncio.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        # A zombie that nobody reaps in a container still answers signal 0.
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
