"""Components that tests of the host start, link and call, and a peer that they call."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.integration.host.host_lattice import Lattice, Tap
from workbench.lattice.rpc import RpcServer
from workbench.wire.wit.types import STRING, U8, U32, Function, List

TINY = "lab:tiny/api@0.1.0"
CALLER = "lab:caller/run@0.1.0"
HELLO = Function("hello", (), STRING)
ADD = Function("add", (("a", U32), ("b", U32)), U32)
ECHO = Function("echo", (("data", List(U8)),), List(U8))
TRAP = Function("trap", (), STRING)
GO = Function("go", (), U32)
GREET = Function("greet", (), STRING)
CALL = Function("call", (("name", STRING),), U32)


class Adder:
    """Serves lab:tiny/api.add from the test: counts, and can be made to wait."""

    def __init__(self, lattice: Lattice) -> None:
        self.server = RpcServer(lattice.nc, lattice=lattice.name, tracer=lattice.tracer)
        self.running = 0
        self.most = 0
        self.calls: list[tuple[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()

    async def serve(self, provider_id: str = "adder") -> Adder:
        await self.server.serve(provider_id, {TINY: {"add": (ADD, self._add)}})
        return self

    async def _add(self, context: Any, a: int, b: int) -> int:
        self.calls.append((context.source_id, context.link_name))
        self.running += 1
        self.most = max(self.most, self.running)
        self.arrived.set()
        try:
            await self.gate.wait()
        finally:
            self.running -= 1
        return a + b


async def started(lattice: Lattice, tap: Tap, name: str, component_id: str = "", **more: Any):
    component_id = component_id or name
    reply = await lattice.scale(f"{name}.wasm", component_id, **more)
    assert reply.success
    return await tap.event("component_scaled", component_id=component_id)


async def linked(lattice: Lattice, source: str, target: str, interface: str, **more: Any) -> None:
    """Put a link and wait until every host knows it."""
    assert (await lattice.put_link(source, target, interface, **more)).success
    for host in lattice.hosts:
        assert host._parts is not None
        table = host._parts.launcher.links
        async with asyncio.timeout(5):
            while not any(link.target == target for link in table.of_source(source)):
                await lattice.nc.flush()
