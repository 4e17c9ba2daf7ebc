"""What the tests of the http-server provider share: components that answer, links, raw sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp

from workbench.lattice.rpc import InvocationContext, RpcServer
from workbench.lattice.trace import Tracer
from workbench.nats import Connection
from workbench.providers import HttpServer, ProviderTask
from workbench.wire.http import HttpError, HttpRequest, HttpResponse
from workbench.wire.http_wrpc import (
    HANDLE,
    INCOMING_HANDLER,
    error_to_wrpc,
    request_from_wrpc,
    response_to_wrpc,
)
from workbench.wire.records import ResolvedLink
from workbench.wire.wit.values import Err, Ok

Answer = Callable[[HttpRequest], Awaitable[HttpResponse]]


MEGABYTE = 1 << 20


class Component:
    """Serves ``handle`` with a function that tests exchange; remembers the call contexts."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.contexts: list[InvocationContext] = []
        self.requests: list[HttpRequest] = []

    async def handle(self, context: InvocationContext, request: object) -> Ok | Err:
        self.contexts.append(context)
        self.requests.append(request_from_wrpc(request))
        try:
            return Ok(response_to_wrpc(await self.answer(self.requests[-1])))
        except HttpError as error:
            return Err(error_to_wrpc(error))


class Lattice:
    """One provider and any number of components."""

    def __init__(self, provider_nc: Connection, component_nc: Connection) -> None:
        self.nc = provider_nc
        self.tracer = Tracer()
        self.log: list[tuple[str, str]] = []
        self.session = aiohttp.ClientSession(auto_decompress=False)
        self._rpc = RpcServer(component_nc, lattice="default", tracer=Tracer())
        self._tasks: list[ProviderTask] = []

    async def component(self, answer: Answer, name: str = "hello") -> Component:
        component = Component(answer)
        await self._rpc.serve(name, {INCOMING_HANDLER: {"handle": (HANDLE, component.handle)}})
        return component

    async def provider(
        self, *links: ResolvedLink, config: dict[str, str] | None = None, follow: bool = False
    ) -> ProviderTask:
        task = ProviderTask(
            self.nc, lattice="default", provider_id="httpd", provider=HttpServer(),
            tracer=self.tracer, host_id="NHOST", config=config, links=links,
            log=lambda level, text: self.log.append((level, text)), follow_links=follow,
        )  # fmt: skip
        self._tasks.append(task)
        await task.start()
        return task

    async def hello(self, answer: Answer, **config: str) -> tuple[Component, str]:
        """A component behind a provider on a free port, and its URL."""
        component = await self.component(answer)
        task = await self.provider(link(**config))
        return component, url(task)

    async def close(self) -> None:
        await self.session.close()
        for task in self._tasks:
            await task.stop()
        await self._rpc.close()


def link(target: str = "hello", name: str = "default", **config: str) -> ResolvedLink:
    return ResolvedLink(
        source_id="httpd", target=target, name=name, wit_namespace="wasi", wit_package="http",
        interfaces=("incoming-handler",), source_config={"address": "127.0.0.1:0", **config},
    )  # fmt: skip


def url(task: ProviderTask, component: str = "hello") -> str:
    assert isinstance(task.provider, HttpServer)
    return f"http://{task.provider.addresses[component]}"


async def hi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [("content-type", b"text/plain"), ("x-lab", b"1")], b"hi")


@asynccontextmanager
async def raw(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection without a client library in between."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
