"""The HTTP probe: a real Python component that runs the scripts which tests send to it."""

from __future__ import annotations

import ast
import hashlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.wasm import CompiledComponent, ImportsBase, Instantiator
from workbench.wire.http import HttpRequest, HttpResponse, RequestOptions, collect
from workbench.wire.wit.bundled import bundled_dir
from workbench.wire.wit.values import Ok

FOLDER = Path(__file__).parent / "http_probe"

Answer = Callable[[HttpRequest, RequestOptions], Awaitable[HttpResponse]]


def built(cache: Path) -> bytes:
    """The probe component; built once for each state of its sources."""
    parts = [FOLDER / name for name in ("app.py", "http_prelude.py", "world.wit")]
    source = b"".join(part.read_bytes() for part in parts)
    target = cache / f"http-probe-{hashlib.sha256(source).hexdigest()[:16]}.wasm"
    if not target.exists():
        work = cache / "http-work"
        shutil.rmtree(work, ignore_errors=True)
        wit = work / "wit"
        wit.mkdir(parents=True)
        shutil.copy(FOLDER / "world.wit", wit)
        shutil.copytree(bundled_dir("0.2.2") / "deps", wit / "deps")
        for part in parts[:2]:
            shutil.copy(part, work)
        tool = Path(sys.executable).with_name("componentize-py")
        command = [tool, "-q", "-d", wit, "-w", "test:http-probe/probe"]
        command += ["componentize", "-p", work, "app", "-o", target]
        subprocess.run(command, check=True, timeout=300, cwd=work)
    return target.read_bytes()


class Web(ImportsBase):
    """Whom the probe's requests reach: a function of the test."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def provides(self, instance: str, name: str) -> bool:
        return instance.startswith("wasi:http/outgoing-handler")

    async def http(self, ctx: Any, request: HttpRequest, options: RequestOptions) -> HttpResponse:
        return await self._answer(request, options)


@dataclass
class HttpGuest:
    """Runs functions of ``http_probe/guest_*.py`` in the component, each in a fresh instance."""

    component: CompiledComponent
    lines: list[tuple[str, str]] = field(default_factory=list)
    kept: list[Instantiator] = field(default_factory=list)

    def instantiator(self, web: Answer | None = None, **options: Any) -> Instantiator:
        made = self.component.instantiator(
            None if web is None else Web(web),
            on_log=lambda stream, line, ctx: self.lines.append((stream, line)),
            **options,
        )
        self.kept.append(made)
        return made

    async def run(self, name: str, call: str, web: Answer | None = None, **options: Any) -> Any:
        """The value of an expression such as ``"holds()"`` with ``guest_<name>.py`` loaded."""
        found = await self.instantiator(web, **options).call(
            "", "check", (script(name, call),), timeout_s=60
        )
        assert isinstance(found, Ok)
        return ast.literal_eval(found.value)

    async def handle(
        self, call: str, request: HttpRequest | None = None, **options: Any
    ) -> HttpResponse:
        """The response of an expression such as ``"look(request, response_out)"``."""
        asked = request or HttpRequest()
        run = ("x-run", script("exchange", call).encode())
        asked = replace(asked, headers=[*asked.headers, run])
        return await self.instantiator(**options).handle_http(asked, timeout_s=60)

    async def found(self, call: str, request: HttpRequest | None = None, **options: Any) -> Any:
        """What a handler that ends in ``answer`` has found."""
        response = await self.handle(call, request, **options)
        assert response.status == 200
        return ast.literal_eval((await collect(response.body)).decode())

    async def close(self) -> None:
        for instantiator in self.kept:
            await instantiator.close()


def script(name: str, call: str) -> str:
    source = (FOLDER / f"guest_{name}.py").read_text()
    return f"{source}\nresult = {call}"


async def parts(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body in parts."""
    for chunk in chunks:
        yield chunk


async def known(value: Any) -> Any:
    """Trailers that are there."""
    return value
