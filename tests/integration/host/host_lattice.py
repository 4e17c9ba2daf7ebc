"""What the host tests share: a lattice with hosts, a tap on its wire, a provider that notes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import connect
from workbench.host import Artifacts, CellArtifacts, Host, HostData, HostOptions, LogLine
from workbench.lattice.rpc import RpcClient
from workbench.lattice.trace import Tracer
from workbench.nats import Connection, Message, Server
from workbench.wasm import Engine
from workbench.wire import events, subjects
from workbench.wire.control import Reply, parse_reply
from workbench.wire.records import Link

WAIT_S = 10.0


@dataclass(frozen=True)
class Healthy:
    healthy: bool = True


class NotingProvider:
    """A provider that writes down what the host does with it."""

    def __init__(self, data: HostData, notes: list[tuple[str, Any]], news: asyncio.Event) -> None:
        self.data = data
        self.healthy = True
        self._notes = notes
        self._news = news

    def _note(self, what: str, value: Any = None) -> None:
        self._notes.append((what, value))
        self._news.set()

    async def start(self) -> None:
        if self.data.config.get("refuse"):
            raise ValueError("no such port")
        self._note("start", (dict(self.data.config), self.data.links))

    async def stop(self, reason: str = "stop") -> None:
        self._note("stop", reason)

    async def put_link(self, link: Any) -> None:
        self._note("put", link)

    async def del_link(self, link: Any) -> None:
        self._note("del", link)

    async def update_config(self, config: Any) -> None:
        self._note("config", dict(config))

    async def health(self) -> Healthy:
        return Healthy(self.healthy)


@dataclass
class Tapped:
    """A message seen on the wire."""

    subject: str
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text) if self.text else None


class Tap:
    """Everything hosts put on the wire, in order; `until` waits for it."""

    def __init__(self, nc: Connection) -> None:
        self._nc = nc
        self.seen: list[Tapped] = []
        self._news = asyncio.Event()

    async def start(self) -> None:
        for subject in ("wasmbus.evt.>", "wasmbus.rpc.>", "$KV.>", "REPLY.>"):
            await self._nc.subscribe(subject, self._on_message)
        await self._nc.flush()

    def _on_message(self, message: Message) -> None:
        # A delivery of a watch has a numeric stream reply; only what was published counts.
        if message.subject.startswith("$KV.") and not message.reply.startswith("_INBOX"):
            return
        self.seen.append(
            Tapped(message.subject, message.data.decode(), dict(message.headers or {}))
        )
        self._news.set()

    async def until(
        self,
        enough: Callable[[list[Tapped]], Any],
        *,
        what: str = "",
        timeout_s: float = WAIT_S,
    ) -> Any:
        """Wait until ``enough(seen)`` is true and return that."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := enough(self.seen)):
                    self._news.clear()
                    await self._news.wait()
                return found
        except TimeoutError:
            lines = "\n".join(f"{t.subject} {t.text[:200]}" for t in self.seen)
            raise AssertionError(f"never saw {what or enough}; saw:\n{lines}") from None

    async def event(
        self, name: str, count: int = 1, *, timeout_s: float = WAIT_S, **fields: Any
    ) -> dict[str, Any]:
        """The data of the ``count``-th event of this name with these fields."""

        def find(seen: list[Tapped]) -> dict[str, Any] | None:
            found = [data for data in events_of(seen, name) if fields.items() <= data.items()]
            return found[count - 1] if len(found) >= count else None

        return await self.until(find, what=f"{name} {fields}", timeout_s=timeout_s)

    async def pause(self) -> None:
        """A round trip to the server: the pace of asking again."""
        await self._nc.flush()

    def clear(self) -> None:
        self.seen.clear()


def events_of(seen: list[Tapped], name: str) -> list[dict[str, Any]]:
    subject_end = f".{name}"
    return [
        t.json["data"]
        for t in seen
        if t.subject.startswith("wasmbus.evt.") and t.subject.endswith(subject_end)
    ]


@dataclass
class Lattice:
    """A NATS server, hosts on it, a client connection and a tap."""

    server: Server
    nc: Connection
    engine: Engine
    folder: Path
    name: str = "default"
    tracer: Tracer = field(default_factory=Tracer)
    cells: CellArtifacts = field(default_factory=CellArtifacts)
    hosts: list[Host] = field(default_factory=list)
    healthy: bool = True
    log: list[LogLine] = field(default_factory=list)
    notes: list[tuple[str, Any]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    providers: list[NotingProvider] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)

    @property
    def host(self) -> Host:
        return self.hosts[0]

    async def add_host(self, *, started: bool = True, **options: Any) -> Host:
        """A host on a connection of its own."""
        connection = await connect(self.server, name="host")
        self.connections.append(connection)
        options.setdefault("labels", {"zone": "a"})
        host = Host(
            connection,
            lattice=self.name,
            engine=self.engine,
            tracer=self.tracer,
            artifacts=Artifacts(self.cells),
            providers={"http-server": self._provider},
            on_log=self._on_log,
            **options,
        )
        self.hosts.append(host)
        if started:
            await host.start()
        return host

    def _provider(self, data: HostData) -> NotingProvider:
        provider = NotingProvider(data, self.notes, self.news)
        provider.healthy = self.healthy
        self.providers.append(provider)
        return provider

    async def noted(self, what: str, count: int = 1) -> Any:
        """The value of the ``count``-th note of this kind."""
        async with asyncio.timeout(WAIT_S):
            while len(found := [value for kind, value in self.notes if kind == what]) < count:
                self.news.clear()
                await self.news.wait()
            return found[count - 1]

    def _on_log(self, line: LogLine) -> None:
        self.log.append(line)
        self.loop.call_soon_threadsafe(self.news.set)

    async def logged(self, level: str) -> LogLine:
        """The first line of this level."""
        async with asyncio.timeout(WAIT_S):
            while not (found := [line for line in self.log if line.level == level]):
                self.news.clear()
                await self.news.wait()
            return found[0]

    def reference(self, name: str) -> str:
        return f"file://{self.folder / name}"

    async def ask(
        self, operation: str, body: Any = b"", obj: str = "", *, timeout_s: float = 5.0
    ) -> Reply:
        """One control request and its reply."""
        noun, verb = operation.split(".")
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        message = await self.nc.request(
            subjects.control(self.name, noun, verb, obj), data, timeout_s=timeout_s
        )
        return parse_reply(operation, message.data)

    async def scale(
        self, name: str, component_id: str, count: int = 1, *, host: Host | None = None, **more: Any
    ) -> Reply:
        host = host or self.host
        body = {
            "component_ref": self.reference(name) if "://" not in name else name,
            "component_id": component_id,
            "count": count,
            "host_id": host.id,
            "config": [],
            "allow_update": False,
            **more,
        }
        return await self.ask("component.scale", body, host.id)

    async def put_link(self, source: str, target: str, interface: str, **more: Any) -> Reply:
        package, _, bare = interface.partition("/")
        namespace, _, wit_package = package.partition(":")
        return await self.ask(
            "link.put",
            {
                "source_id": source,
                "target": target,
                "name": "default",
                "wit_namespace": namespace,
                "wit_package": wit_package,
                "interfaces": [bare],
                "source_config": [],
                "target_config": [],
                **more,
            },
        )

    async def links_until(self, enough: Callable[[tuple[Link, ...]], bool]) -> None:
        """Ask for links until they are what is waited for: a delivery may lag behind its ack."""
        async with asyncio.timeout(WAIT_S):
            while not enough((await self.ask("link.get")).response):
                pass

    def client(self, source_id: str = "test") -> RpcClient:
        return RpcClient(self.nc, lattice=self.name, source_id=source_id, tracer=self.tracer)

    async def close(self) -> None:
        await asyncio.gather(*(host.stop() for host in self.hosts))
        for connection in self.connections:
            await connection.close()


def fast_options(**more: Any) -> HostOptions:
    """Options whose waits are short enough for tests."""
    defaults = {"first_health_check_s": 0.02, "health_interval_s": 0.05, "call_timeout_s": 3.0}
    return HostOptions(**{**defaults, **more})


__all__ = ["Lattice", "NotingProvider", "Tap", "Tapped", "events", "events_of", "fast_options"]
