"""What the wRPC tests share: a client and a server on connections of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from tests.conftest import connect
from workbench.lattice.rpc import ByteStream, InvocationContext, RpcClient, RpcServer
from workbench.lattice.trace import Tracer
from workbench.nats import Connection, Server
from workbench.wire.wit.types import (
    S32,
    STRING,
    U8,
    U32,
    Function,
    Future,
    List,
    Option,
    Result,
    Stream,
    Tuple,
)

INSTANCE = "test:rpc/api@0.1.0"
ADD = Function("add", (("a", S32), ("b", S32)), S32)
ECHO = Function("echo", (("data", List(U8)),), List(U8))
GREET = Function("greet", (("name", STRING),), Result(STRING, STRING))
NOTHING = Function("nothing")
NOW = Function("now", (), STRING)
UPLOAD = Function("upload", (("body", Stream(U8)), ("name", STRING)), U32)
DOWNLOAD = Function(
    "download", (("size", U32),), Result(Tuple((Stream(U8), Future(Option(STRING)))))
)
COUNT = Function("count", (("n", U32),), Stream(U32))
PIPE = Function("pipe", (("body", Stream(U8)),), Stream(U8))


class Rig:
    """A client and a server on connections of their own."""

    def __init__(self, nc: Connection, far: Connection) -> None:
        self.nc, self.far = nc, far
        self.tracer, self.far_tracer = Tracer(), Tracer()
        self.client = RpcClient(nc, tracer=self.tracer, source_id="caller")
        self.server = RpcServer(far, tracer=self.far_tracer, params_timeout_s=0.3)

    async def serve(self, function: Function, handler: Any, id: str = "target") -> Any:
        return await self.server.serve(id, {INSTANCE: {function.name: (function, handler)}})

    async def call(self, function: Function, *args: Any, **options: Any) -> Any:
        return await self.client.invoke("target", INSTANCE, function, args, **options)


async def make_rig(server: Server) -> Rig:
    return Rig(await connect(server), await connect(server))


async def end_rig(rig: Rig) -> None:
    await rig.client.close()
    await rig.server.close()
    await rig.nc.close()
    await rig.far.close()


async def add(context: InvocationContext, a: int, b: int) -> int:
    return a + b


async def echo(context: InvocationContext, data: bytes) -> bytes:
    return data


CHUNK = 50_000


async def chunks(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, CHUNK):
        yield bytes(min(CHUNK, size - start))


async def measure(context: InvocationContext, body: ByteStream, name: str) -> int:
    return sum([len(part) async for part in body])
