"""HTTP through the http-server provider: requests per second and latency.

    python benchmarks/http_server.py [--behind peer|host] [--seconds 3] [--component FILE] [--json FILE]

``peer``: the provider in this process, a Python handler of ``wrpc:http`` in another one; shows
what the provider, wRPC and NATS cost. ``host``: a whole embedded lattice in this process with a
real component (a Python hello built by the workbench unless ``--component`` names a file).
The client is a third process that speaks raw HTTP/1.1 over kept connections; plain NATS
request/reply is measured first and last, to compare within one run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from workbench.lattice.rpc import InvocationContext, RpcServer
from workbench.lattice.trace import Tracer
from workbench.nats import Connection, Message, Server
from workbench.providers import HttpServer, ProviderTask
from workbench.wire.http import HttpResponse
from workbench.wire.http_wrpc import HANDLE, INCOMING_HANDLER, response_to_wrpc
from workbench.wire.records import ResolvedLink
from workbench.wire.wit.values import Ok

CONNECTIONS = (1, 16, 64)
REQUEST = b"GET /bench HTTP/1.1\r\nhost: bench\r\n\r\n"
HELLO = "def handle(request):\n    return 'hello'\n"


# --- the client's process -----------------------------------------------------------------


async def load(host: str, port: int, connections: int, seconds: float) -> dict[str, float]:
    """Keep ``connections`` connections busy; figures of what came back whole."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while (began := time.perf_counter()) < end:
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.split(b"\r\n")[0].decode())
            if b"chunked" in head:
                await reader.readuntil(b"0\r\n\r\n")
            else:
                length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
            latencies.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return figures(latencies, time.perf_counter() - began)


def figures(latencies: list[float], elapsed_s: float) -> dict[str, float]:
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "requests": len(latencies),
        "per_s": round(len(latencies) / elapsed_s, 1),
        "p50_ms": round(cuts[49] * 1000, 2),
        "p99_ms": round(cuts[98] * 1000, 2),
    }


# --- what is measured ---------------------------------------------------------------------


async def serve() -> None:
    """The component's process of ``peer``: serves until its input is closed."""
    nc = await Connection.connect(**json.loads(sys.stdin.readline()))
    server = RpcServer(nc, lattice="default", tracer=Tracer())

    async def handle(context: InvocationContext, request: Any) -> Ok:
        return Ok(response_to_wrpc(HttpResponse(200, [("content-type", b"text/plain")], b"hello")))

    await server.serve("hello", {INCOMING_HANDLER: {"handle": (HANDLE, handle)}})
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@asynccontextmanager
async def peer(server: Server) -> AsyncIterator[str]:
    """The provider here, its component in a process of its own."""
    component = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--serve",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert component.stdin is not None
    assert component.stdout is not None
    # The credentials go by stdin: a command line is for everybody to read.
    credentials = {"url": server.url, "user": server.user, "password": server.password}
    component.stdin.write(json.dumps(credentials).encode() + b"\n")
    if await component.stdout.readline() != b"ready\n":
        raise RuntimeError("the component's process did not start")
    nc = await Connection.connect(server.url, user=server.user, password=server.password)
    link = ResolvedLink(
        source_id="httpd", target="hello", wit_namespace="wasi", wit_package="http",
        interfaces=("incoming-handler",), source_config={"address": "127.0.0.1:0"},
    )  # fmt: skip
    provider = HttpServer()
    task = ProviderTask(
        nc,
        lattice="default",
        provider_id="httpd",
        provider=provider,
        tracer=Tracer(),
        links=(link,),
    )
    await task.start()
    try:
        yield provider.addresses["hello"]
    finally:
        await task.stop()
        await nc.close()
        component.stdin.close()
        await component.wait()


@asynccontextmanager
async def host(component: str | None) -> AsyncIterator[str]:
    """A whole lattice here: server, host, provider, and a real component."""
    from workbench import aio
    from workbench.authoring import build_component
    from workbench.wasm import Engine

    if component is None:
        built = await build_component(HELLO, name="hello", world="hello")
        component = str(built.path)
    # A Python component compiles for many seconds; here, so that no start waits for it.
    engine = Engine()
    await engine.load(Path(component).read_bytes(), name="hello")
    await engine.close()
    address = f"127.0.0.1:{free_port()}"
    async with await aio.up(wadm=False) as lattice:
        await lattice.put_config("bench-address", {"address": address})
        await lattice.start_component(f"file://{Path(component).resolve()}", "hello", count=64)
        await lattice.start_provider("wasmcloud+builtin://http-server", "httpd")
        await lattice.put_link(
            "httpd", "hello", "wasi:http/incoming-handler", source_config=["bench-address"]
        )
        await answering(address)
        yield address


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def answering(address: str) -> None:
    """Until the first good answer: a component compiles when it is started first."""
    name, port = address.split(":")
    async with asyncio.timeout(180):
        while True:
            try:
                await load(name, int(port), 1, 0.05)
                return
            except (OSError, RuntimeError, EOFError, statistics.StatisticsError):
                await asyncio.sleep(0.2)


# --- the run ------------------------------------------------------------------------------


async def calibrate(server: Server, seconds: float) -> float:
    """Plain NATS requests per second, 16 in flight, both ends in this process."""
    nc = await Connection.connect(server.url, user=server.user, password=server.password)

    async def answer(message: Message) -> None:
        await message.respond(b"hello")

    await nc.subscribe("calibration", answer)
    done, end = 0, time.perf_counter() + seconds

    async def one() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await nc.request("calibration", b"x", timeout_s=5)
            done += 1

    await asyncio.gather(*(one() for _ in range(16)))
    await nc.close()
    return round(done / seconds, 1)


async def client(address: str, connections: int, seconds: float) -> dict[str, float]:
    """Run the load from a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--load", address, str(connections), str(seconds),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    began = time.process_time()
    output, _ = await process.communicate()
    report = json.loads(output)
    # What this process worked for one request, whatever else the machine does meanwhile.
    report["cpu_ms"] = round((time.process_time() - began) * 1000 / report["requests"], 2)
    return report


async def run(options: argparse.Namespace) -> dict[str, Any]:
    server = await Server.start()
    try:
        report: dict[str, Any] = {"behind": options.behind}
        report["nats_before_per_s"] = await calibrate(server, options.seconds)
        source = peer(server) if options.behind == "peer" else host(options.component)
        async with source as address:
            await client(address, 16, 1.0)
            for connections in CONNECTIONS:
                report[str(connections)] = await client(address, connections, options.seconds)
        report["nats_after_per_s"] = await calibrate(server, options.seconds)
        return report
    finally:
        await server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="HTTP through the http-server provider")
    parser.add_argument("--behind", choices=("peer", "host"), default="peer")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--component", help="a component file for --behind host")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--load", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return
    if options.load:
        address, connections, seconds = options.load
        name, port = address.split(":")
        print(json.dumps(asyncio.run(load(name, int(port), int(connections), float(seconds)))))
        return
    report = asyncio.run(run(options))
    text = json.dumps(report, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
