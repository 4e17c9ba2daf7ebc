"""The real programs as neighbours: `make peers` builds them, `make interop` runs these tests.

They are no part of the default test command: building takes half an hour.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from workbench.authoring.wat import component_from_wat
from workbench.host import Artifacts, Host, HostOptions
from workbench.nats import Connection
from workbench.nats.server import find_nats_server
from workbench.providers import builtin_providers
from workbench.wasm import Engine

PEERS = Path(os.environ.get("WORKBENCH_PEERS", "~/.cache/wasmcloud-workbench/peers")).expanduser()
GOLDEN = Path(__file__).parents[1] / "golden"
WAIT_S = 40.0


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until the answer is true, and return it."""
    async with asyncio.timeout(WAIT_S):
        while not (found := await holds()):  # noqa: ASYNC110 - other programs set no event of ours
            await asyncio.sleep(0.1)
        return found


@dataclass
class Finished:
    code: int
    output: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)


class Neighbourhood:
    """A nats-server without credentials, as real programs expect it, and whoever lives on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._processes: list[asyncio.subprocess.Process] = []
        self._hosts: list[Host] = []
        self._connections: list[Connection] = []
        self._engine: Engine | None = None

    async def open(self) -> None:
        command = [str(find_nats_server()), "-a", "127.0.0.1", "-p", "-1", "-js", "-sd"]
        command += [str(self.folder / "js"), "--ports_file_dir", str(self.folder)]
        process = await self._spawn(*command, log="nats")

        async def ports_file() -> list[Path]:
            return list(self.folder.glob(f"*_{process.pid}.ports"))

        ports = await until(ports_file)
        url = json.loads(ports[0].read_text())["nats"][0]
        self.port = int(url.rpartition(":")[2])

    async def _spawn(self, *command: str, log: str) -> asyncio.subprocess.Process:
        with (self.folder / f"{log}.log").open("ab") as output:
            process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
        self._processes.append(process)
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    async def connect(self) -> Connection:
        connection = await Connection.connect(f"nats://127.0.0.1:{self.port}")
        self._connections.append(connection)
        return connection

    async def real_host(self, *flags: str) -> asyncio.subprocess.Process:
        port = str(self.port)
        return await self._spawn(
            str(PEERS / "bin" / "wasmcloud"), "--nats-port", port, "--allow-file-load", *flags,
            log="host",
        )  # fmt: skip

    async def real_wadm(self, *flags: str) -> asyncio.subprocess.Process:
        server = f"127.0.0.1:{self.port}"
        return await self._spawn(
            str(PEERS / "bin" / "wadm"), "--nats-server", server, *flags, log="wadm"
        )

    async def our_host(self, **labels: str) -> Host:
        if self._engine is None:
            self._engine = Engine(cache_dir=self.folder / "compiled")
        host = Host(
            await self.connect(),
            engine=self._engine,
            labels=labels,
            artifacts=Artifacts(),
            providers=builtin_providers(),
            options=HostOptions(allow_file_load=True),
            heartbeat_s=2.0,  # a real manager learns of a lattice by its hosts' heartbeats
        )
        await host.start()
        self._hosts.append(host)
        return host

    async def wash(self, *words: str, ok: bool = True) -> Finished:
        """Run `wash` as a person does, with JSON output."""
        environment = {
            **os.environ,
            "WASMCLOUD_CTL_HOST": "127.0.0.1",
            "WASMCLOUD_CTL_PORT": str(self.port),
            "WASMCLOUD_RPC_HOST": "127.0.0.1",
            "WASMCLOUD_RPC_PORT": str(self.port),
            "HOME": str(self.folder),
        }
        process = await asyncio.create_subprocess_exec(
            str(PEERS / "bin" / "wash"), *words, "--output", "json",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment,
        )  # fmt: skip
        async with asyncio.timeout(WAIT_S):
            out, err = await process.communicate()
        finished = Finished(process.returncode or 0, out.decode())
        assert not ok or finished.code == 0, f"wash {words}: {out.decode()} {err.decode()}"
        return finished

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if process in self._processes:
            self._processes.remove(process)

    async def close(self) -> None:
        for host in self._hosts:
            await host.stop()
        for connection in self._connections:
            await connection.close()
        if self._engine is not None:
            await self._engine.close()
        for process in reversed(list(self._processes)):
            await self.kill(process)


@pytest.fixture
async def lattice(tmp_path: Path) -> AsyncIterator[Neighbourhood]:
    if not (PEERS / "bin" / "wash").exists():
        pytest.fail(f"the real programs are not in {PEERS}: run `make peers` first")
    neighbourhood = Neighbourhood(tmp_path)
    try:
        await neighbourhood.open()
        yield neighbourhood
    finally:
        await neighbourhood.close()


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """A reference to the small component of the recordings."""
    path = tmp_path / "tiny.wasm"
    path.write_bytes(component_from_wat((GOLDEN / "tiny.wat").read_text()))
    return path.as_uri()
