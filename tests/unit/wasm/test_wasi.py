"""WASI from inside a real Python component, built by componentize-py."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import LimitHit, Trap
from workbench.wasm import Engine, ImportsBase, Instantiator
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, RequestOptions, collect
from workbench.wire.wit.bundled import bundled_dir
from workbench.wire.wit.values import Err, Ok

pytestmark = pytest.mark.slow

PROBE = Path(__file__).parent / "probe"


def _built(cache: Path) -> bytes:
    """The probe component; built once for each state of its sources."""
    source = (PROBE / "app.py").read_bytes() + (PROBE / "world.wit").read_bytes()
    target = cache / f"probe-{hashlib.sha256(source).hexdigest()[:16]}.wasm"
    if not target.exists():
        work = cache / "work"
        shutil.rmtree(work, ignore_errors=True)
        wit = work / "wit"
        wit.mkdir(parents=True)
        shutil.copy(PROBE / "world.wit", wit)
        shutil.copytree(bundled_dir("0.2.2") / "deps", wit / "deps")
        shutil.copy(PROBE / "app.py", work)
        tool = Path(sys.executable).with_name("componentize-py")
        command = [tool, "-q", "-d", wit, "-w", "test:probe/probe", "componentize", "-p", work]
        subprocess.run([*command, "app", "-o", target], check=True, timeout=300, cwd=work)
    return target.read_bytes()


class Outside(ImportsBase):
    """The HTTP server that the probe talks to."""

    def __init__(self) -> None:
        self.requests: list[tuple[HttpRequest, RequestOptions, bytes]] = []

    def provides(self, instance: str, name: str) -> bool:
        return instance.startswith("wasi:http/outgoing-handler")

    async def http(self, ctx: Any, request: HttpRequest, options: RequestOptions) -> HttpResponse:
        body = await collect(request.body)
        self.requests.append((request, options, body))
        if request.path_with_query == "/refused":
            raise HttpError("connection-refused")
        if request.path_with_query == "/broken":
            raise LookupError("no link for outgoing HTTP")

        async def answer() -> AsyncIterator[bytes]:
            yield b"pong "
            await asyncio.sleep(0)
            yield body

        return HttpResponse(201, [("x-to", b"guest"), ("connection", b"close")], answer())


@pytest.fixture(scope="module")
def probe_engine(request: pytest.FixtureRequest) -> Any:
    # pytest's cache directory is private enough once it is closed to others.
    directory = Path(request.config.cache.mkdir("compiled"))  # type: ignore[union-attr]
    directory.chmod(0o700)
    engine = Engine(cache_dir=directory, workers=2)
    yield engine
    engine.close_blocking()


@pytest.fixture
async def probe(
    probe_engine: Engine, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Instantiator, list[tuple[str, str]], Outside]]:
    data = _built(Path(request.config.cache.mkdir("components")))  # type: ignore[union-attr]
    component = await probe_engine.load(data, name="probe")
    lines: list[tuple[str, str]] = []
    outside = Outside()
    instantiator = component.instantiator(
        outside, on_log=lambda stream, line, ctx: lines.append((stream, line))
    )
    yield instantiator, lines, outside
    await instantiator.close()


async def check(instantiator: Instantiator, what: str) -> Any:
    return await instantiator.call("", "check", (what,), timeout_s=60)


async def test_a_guest_sees_the_wasi_of_a_real_host(probe: Any) -> None:
    instantiator, lines, _ = probe
    assert await check(instantiator, "environment") == Ok("['main.wasm'] {}")
    assert await check(instantiator, "clocks") == Ok("True True")
    assert await check(instantiator, "randomness") == Ok("(40, 7) 2 True")
    assert await check(instantiator, "files") == Ok("FileNotFoundError")
    assert await check(instantiator, "sockets") == Ok(
        "PermissionError ACCESS_DENIED NOT_IN_PROGRESS INVALID_STATE PERMANENT_RESOLVER_FAILURE"
    )
    assert await check(instantiator, "polling") == Ok("[1] True False None")
    assert await check(instantiator, "unknown") == Err("no check unknown")
    assert lines == []


async def test_output_arrives_line_by_line(probe: Any) -> None:
    instantiator, lines, _ = probe
    assert await check(instantiator, "output") == Ok("done")
    assert sorted(lines) == [
        ("stderr", "oops"), ("stdout", "one"), ("stdout", "three"), ("stdout", "two")
    ]  # fmt: skip


async def test_a_guest_that_exits_is_a_trap_with_its_code(probe: Any) -> None:
    instantiator, _, _ = probe
    with pytest.raises(Trap, match=r"exit|unreachable"):
        await check(instantiator, "leave")


async def test_a_guest_sends_requests_and_reads_responses(probe: Any) -> None:
    instantiator, _, outside = probe
    assert await check(instantiator, "http /a?b=1") == Ok("201 [b'guest'] 9 b'pong ping'")
    request, options, body = outside.requests[0]
    assert (request.method, request.scheme, request.authority, request.path_with_query) == (
        "POST", "http", "example.test:81", "/a?b=1"
    )  # fmt: skip
    assert request.headers == [("x-from", b"probe")] and body == b"ping"
    assert options == RequestOptions(connect_timeout_ns=5)
    long = await check(instantiator, "http /long")
    assert long.value.startswith("201 [b'guest'] 100005")


async def test_a_refused_request_is_an_error_code_and_a_broken_one_ends_the_guest(
    probe: Any,
) -> None:
    instantiator, _, _ = probe
    assert await check(instantiator, "http /refused") == Ok("ErrorCode_ConnectionRefused")
    with pytest.raises(LookupError, match="no link"):
        await check(instantiator, "http /broken")


async def test_a_python_handler_streams_a_request_back_with_trailers(probe: Any) -> None:
    """It exports incoming-handler@0.2.2 while the tool made it import types@0.2.9."""
    instantiator, _, _ = probe

    async def body() -> AsyncIterator[bytes]:
        for n in range(20):
            yield bytes([n]) * 5000

    request = HttpRequest(
        "PATCH", "/a?b", authority="shop.test", body=body(),
        headers=[("host", b"shop.test"), ("x-a", b"1"), ("x-a", b"2")],
    )  # fmt: skip
    response = await instantiator.handle_http(request)
    assert (response.status, response.headers) == (202, [("content-type", b"text/plain")])
    seen, _, rest = (await collect(response.body)).partition(b"\n")
    assert seen.decode() == str(
        ("Method_Patch", "/a?b", "Scheme_Http", "shop.test", [("x-a", b"1"), ("x-a", b"2")])
    )
    assert rest == b"".join(bytes([n]) * 5000 for n in range(20))
    assert await response.trailers == [("x-last", b"1")]


async def test_a_python_exception_is_a_trap_with_the_traceback_on_stderr(probe: Any) -> None:
    instantiator, lines, _ = probe
    with pytest.raises(Trap) as caught:
        await instantiator.handle_http(HttpRequest("GET", "/raise"))
    assert not isinstance(caught.value, LimitHit)
    assert "ValueError: on purpose" in caught.value.stderr
    assert "ValueError: on purpose" in str(caught.value)
    assert ("stderr", "ValueError: on purpose") in lines
