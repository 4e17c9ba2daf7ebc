"""Build tools as processes of their own: started, watched, killed with the task that waits.

componentize-py is a Python extension module with a command line; it takes ten seconds of two
cores and runs the user's module, so it never runs inside the kernel. No other tool does either.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BuildError

__all__ = ["Outcome", "run_process", "run_tool", "tool_version"]

KEEP_OUTPUT_BYTES = 64 * 1024
TICK_S = 0.5

# Lower priority, so that the kernel, the host and the browser stay quick while a cell builds.
_SCRIPT = """
import os, sys
if hasattr(os, "nice"):
    os.nice(5)
from componentize_py import script
sys.exit(script())
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the tool ended. ``output`` is the end of what it wrote, both streams together."""

    code: int
    output: str
    seconds: float


def tool_version() -> str:
    """The version of componentize-py beside this interpreter."""
    try:
        return importlib.metadata.version("componentize-py")
    except importlib.metadata.PackageNotFoundError:
        raise BuildError(
            "componentize-py is not installed beside this kernel",
            hint="install it there: %pip install componentize-py",
        ) from None


async def run_tool(
    arguments: Sequence[str],
    *,
    cwd: Path,
    timeout_s: float = 300.0,
    tick: Callable[[float], None] | None = None,
) -> Outcome:
    """Run componentize-py to its end, as `run_process` does."""
    tool_version()
    command = [sys.executable, "-P", "-c", _SCRIPT, *arguments]
    return await run_process(
        command, cwd=cwd, environment=_environment(), timeout_s=timeout_s, tick=tick
    )


async def run_process(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 300.0,
    tick: Callable[[float], None] | None = None,
) -> Outcome:
    """Run a build tool to its end; ``tick(elapsed_s)`` is called about twice a second.

    The process and its children are killed when this task is cancelled or time runs out.
    """
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd, env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    reading = asyncio.ensure_future(_read_end(process.stdout))
    try:
        while not reading.done():
            elapsed = time.monotonic() - started
            if elapsed > timeout_s:
                raise BuildError(
                    f"the build did not end within {timeout_s:.0f} s",
                    hint="the cell's own code runs once while it is built: does it loop at the top level?",
                )
            if tick is not None:
                tick(elapsed)
            await asyncio.wait([reading], timeout=TICK_S)
        code = await process.wait()
        return Outcome(code, reading.result(), time.monotonic() - started)
    finally:
        await _end(process, reading)


async def _read_end(stream: asyncio.StreamReader | None) -> str:
    """Read to the end, keep the tail: a cell may print without bound while it is built."""
    kept = bytearray()
    while stream is not None and (chunk := await stream.read(16384)):
        kept += chunk
        del kept[:-KEEP_OUTPUT_BYTES]
    return kept.decode("utf-8", "replace")


async def _end(process: asyncio.subprocess.Process, reading: asyncio.Future[str]) -> None:
    if process.returncode is None:
        try:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        except ProcessLookupError:
            pass  # it ended by itself in between
        await asyncio.shield(process.wait())
    reading.cancel()
    await asyncio.wait([reading])


def _environment() -> dict[str, str]:
    """The kernel's environment, with this interpreter's packages offered to the cell."""
    environment = dict(os.environ)
    environment["VIRTUAL_ENV"] = sys.prefix
    environment["RUST_BACKTRACE"] = "0"
    return environment
