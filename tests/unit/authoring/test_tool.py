"""The build tool as a process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.authoring import tool
from workbench.authoring.tool import run_tool, tool_version
from workbench.errors import BuildError

SLEEPER = """
import os, pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
child.wait()
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for another process, which gives no event to await."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def pids_of(folder: Path) -> list[int]:
    file = folder / "pids"
    await until(lambda: file.exists() and len(file.read_text().split()) == 2)
    return [int(pid) for pid in file.read_text().split()]


async def test_the_tool_answers(tmp_path: Path):
    outcome = await run_tool(["--version"], cwd=tmp_path)
    assert outcome.code == 0
    assert tool_version() in outcome.output


async def test_cancelling_kills_the_tool_and_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tool, "_SCRIPT", SLEEPER)
    running = asyncio.ensure_future(run_tool([], cwd=tmp_path))
    pids = await pids_of(tmp_path)
    assert all(is_running(pid) for pid in pids)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(10):
            await running
    await until(lambda: not any(is_running(pid) for pid in pids))


async def test_a_build_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tool, "_SCRIPT", SLEEPER)
    ticks: list[float] = []
    with pytest.raises(BuildError, match="did not end within"):
        await run_tool([], cwd=tmp_path, timeout_s=1.0, tick=ticks.append)
    assert len(ticks) >= 2
    pids = await pids_of(tmp_path)
    await until(lambda: not any(is_running(pid) for pid in pids))


async def test_endless_output_is_cut_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tool, "_SCRIPT", "for i in range(200_000): print('line', i)")
    outcome = await run_tool([], cwd=tmp_path)
    assert len(outcome.output) <= tool.KEEP_OUTPUT_BYTES
    assert outcome.output.endswith("line 199999\n")


async def test_the_kernels_environment_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_FLAG", "7")
    monkeypatch.setattr(tool, "_SCRIPT", "import os; print(os.environ['MY_FLAG'])")
    assert (await run_tool([], cwd=tmp_path)).output == "7\n"
    assert os.environ["MY_FLAG"] == "7"
