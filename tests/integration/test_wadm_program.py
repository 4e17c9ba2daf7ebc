"""``python -m workbench wadm`` as processes: the journey of an operator with the real program."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from wasmtime import wat2wasm

from tests.conftest import connect
from tests.golden import FOLDER
from workbench.host import Host, HostOptions
from workbench.lattice.control import ControlClient
from workbench.lattice.wadm import WadmClient
from workbench.nats import Connection, Server
from workbench.wadm import keeper_of
from workbench.wasm import Engine
from workbench.wire.wadm import StatusType

WAIT_S = 30.0


class Program:
    """One process, and the lines that it logs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict] = []

    async def until(self, text: str) -> dict:
        """The next line that says this."""
        assert self.process.stderr is not None
        async with asyncio.timeout(WAIT_S):
            while raw := await self.process.stderr.readline():
                line = json.loads(raw)
                self.lines.append(line)
                if text in line["fields"]["message"]:
                    return line
        raise AssertionError(f"it ended without saying {text!r}: {self.lines}")

    async def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        assert self.process.stderr is not None
        async with asyncio.timeout(WAIT_S):
            rest = await self.process.stderr.read()
            self.lines += map(json.loads, rest.splitlines())
            return await self.process.wait()


class Programs:
    def __init__(self, server: Server) -> None:
        host = server.url.removeprefix("nats://")
        self.url = f"nats://{server.user}:{server.password}@{host}"
        self.all: list[Program] = []

    async def start(self, *arguments: str) -> Program:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "workbench", "wadm", *arguments,
            env={**os.environ, "WADM_NATS_SERVER": self.url, "WADM_STRUCTURED_LOGGING": "true"},
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        program = Program(process)
        self.all.append(program)
        return program


@pytest.fixture
async def programs(nats_server: Server) -> AsyncIterator[Programs]:
    found = Programs(nats_server)
    yield found
    for program in found.all:
        await program.stop(signal.SIGKILL)


@pytest.fixture
async def host(nats_server: Server, tmp_path: Path) -> AsyncIterator[Host]:
    nc = await connect(nats_server)
    engine = Engine(cache_dir=tmp_path / "compiled")
    host = Host(nc, engine=engine, options=HostOptions(allow_file_load=True))
    await host.start()
    yield host
    await host.stop()
    await engine.close()
    await nc.close()


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "tiny.wasm"
    path.write_bytes(bytes(wat2wasm((FOLDER / "tiny.wat").read_text())))
    part = {
        "name": "tiny", "type": "component",
        "properties": {"image": path.as_uri(), "config": [{"name": "c", "properties": {"k": "v"}}]},
        "traits": [{"type": "spreadscaler", "properties": {"instances": 2}}],
    }  # fmt: skip
    return json.dumps({
        "apiVersion": "core.oam.dev/v1beta1", "kind": "Application",
        "metadata": {"name": "my-app", "annotations": {"version": "v1"}},
        "spec": {"components": [part]},
    })  # fmt: skip


async def test_another_takes_over_from_one_that_stops_or_dies_and_nothing_restarts(
    programs: Programs, host: Host, nc: Connection, manifest: str
) -> None:
    first = await programs.start("--http-admin", "127.0.0.1:0")
    address = (await first.until("admin server on"))["fields"]["message"].rpartition(" ")[2]
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}/livez") as got:
        assert await got.json() == {"status": "ok"}
    await first.until("wadm manages 0 lattice(s)")
    client = WadmClient(nc)
    await client.put_and_deploy(manifest)
    await client.wait("my-app", (StatusType.DEPLOYED,), timeout_s=WAIT_S)
    before = await ControlClient(nc).inventory(host.id)
    heard: list[str] = []
    await nc.subscribe("wasmbus.ctl.v1.default.>", lambda m: heard.append(m.subject))

    second = await programs.start()
    await second.until("wadm waits: a workbench manager")
    assert await first.stop(signal.SIGTERM) == 0
    assert first.lines[-1]["fields"]["message"].startswith("wadm has stopped")
    await second.until("wadm manages 1 lattice(s)")
    third = await programs.start()
    await third.until("wadm waits: a workbench manager")
    await second.stop(signal.SIGKILL)
    await third.until("wadm manages 1 lattice(s)")
    status = await client.wait("my-app", (StatusType.DEPLOYED,), timeout_s=WAIT_S)
    assert status.type is StatusType.DEPLOYED
    assert str(third.process.pid) in (await keeper_of(nc)).where

    verbs = {".".join(subject.split(".")[4:6]) for subject in heard}
    assert verbs <= {"host.ping", "host.get", "link.get", "config.get"}
    after = await ControlClient(nc).inventory(host.id)
    assert after.components == before.components
    assert await third.stop(signal.SIGINT) == 0


async def test_no_server_is_an_error_and_tracing_is_said_to_be_missing(
    programs: Programs, nats_server: Server
) -> None:
    program = await programs.start("--tracing")
    await program.until("tracing is not supported here")
    await program.until("wadm manages 0 lattice(s)")
    assert await program.stop() == 0
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workbench", "wadm", "-s", "127.0.0.1:9",
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, told = await process.communicate()
    assert process.returncode == 1
    assert b"error: no connection to 127.0.0.1:9" in told
