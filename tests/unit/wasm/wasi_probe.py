"""The probe: a real Python component that runs the scripts which tests send to it."""

from __future__ import annotations

import ast
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.wasm import CompiledComponent, Grants, Imports, Instantiator
from workbench.wire.wit.bundled import bundled_dir
from workbench.wire.wit.values import Ok

FOLDER = Path(__file__).parent / "probe"


def built(cache: Path) -> bytes:
    """The probe component; built once for each state of its sources."""
    parts = [FOLDER / name for name in ("app.py", "guest_prelude.py", "world.wit")]
    source = b"".join(part.read_bytes() for part in parts)
    target = cache / f"probe-{hashlib.sha256(source).hexdigest()[:16]}.wasm"
    if not target.exists():
        work = cache / "work"
        shutil.rmtree(work, ignore_errors=True)
        wit = work / "wit"
        wit.mkdir(parents=True)
        shutil.copy(FOLDER / "world.wit", wit)
        shutil.copytree(bundled_dir("0.2.2") / "deps", wit / "deps")
        for part in parts[:2]:
            shutil.copy(part, work)
        tool = Path(sys.executable).with_name("componentize-py")
        command = [tool, "-q", "-d", wit, "-w", "test:probe/probe"]
        command += ["componentize", "-p", work, "app", "-o", target]
        subprocess.run(command, check=True, timeout=300, cwd=work)
    return target.read_bytes()


@dataclass
class Guest:
    """Runs functions of ``probe/guest_*.py`` inside the component, each in a fresh instance."""

    component: CompiledComponent
    lines: list[tuple[str, str]] = field(default_factory=list)

    def instantiator(self, provide: Imports | None = None, **options: Any) -> Instantiator:
        return self.component.instantiator(
            provide, on_log=lambda stream, line, ctx: self.lines.append((stream, line)), **options
        )

    def run(
        self, name: str, call: str, grants: Grants | None = None, *, timeout_s: float = 60
    ) -> Any:
        """The value of an expression such as ``"files()"`` with ``guest_<name>.py`` loaded."""
        instantiator = self.instantiator(grants=grants or Grants())
        try:
            found = instantiator.call_inline(
                "", "check", (script(name, call),), timeout_s=timeout_s
            )
        finally:
            instantiator.close_blocking()
        return _value(found)

    async def run_on_worker(
        self, name: str, call: str, grants: Grants | None = None, *, timeout_s: float = 60
    ) -> Any:
        """`run` on a worker thread, as a host runs it."""
        instantiator = self.instantiator(grants=grants or Grants())
        try:
            found = await instantiator.call("", "check", (script(name, call),), timeout_s=timeout_s)
        finally:
            await instantiator.close()
        return _value(found)


def script(name: str, call: str) -> str:
    """What to ask the probe for; see `Guest.run`."""
    source = (FOLDER / f"guest_{name}.py").read_text()
    return f"run {source}\nresult = {call}"


def _value(found: Any) -> Any:
    assert isinstance(found, Ok)
    try:
        return ast.literal_eval(found.value)
    except (ValueError, SyntaxError):
        return found.value
