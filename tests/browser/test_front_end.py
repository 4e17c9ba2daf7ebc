"""The front end by itself: its own unit tests, its lock file, its types, the exported page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request

from tests.browser.lab import ROOT
from workbench.lattice.graph import snapshot
from workbench.lattice.state import ComponentState, HostState, LatticeState
from workbench.notebook.widgets.export import export_html
from workbench.wire.records import ComponentSpec, Link

EXTENSIONS = ROOT / "extensions"
HOSTILE = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=2 href=y>"


def npm(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("npm")
    assert program is not None
    return subprocess.run(
        [program, *arguments], cwd=EXTENSIONS, capture_output=True, text=True, check=False
    )


def test_the_units_of_the_graph_widget_pass(front_end: None) -> None:
    if not (EXTENSIONS / "node_modules" / "esbuild").is_dir():
        pytest.skip("the front end was built elsewhere")
    done = npm("test")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_types_hold(front_end: None) -> None:
    if not (EXTENSIONS / "node_modules" / "typescript").is_dir():
        pytest.skip("`npm ci` in extensions/ brings the compiler")
    done = npm("run", "check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_file_names_no_registry() -> None:
    text = (EXTENSIONS / "package-lock.json").read_text()
    assert re.findall(r'"resolved": "https?:[^"]*"', text) == []


def test_the_style_sheets_take_their_colours_from_the_theme() -> None:
    """Colours of our own are fallbacks of a variable, or stand in the fallback block."""
    panel = (EXTENSIONS / "lattice-explorer" / "src" / "style.css").read_text()
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(", panel) == []


def test_the_exported_page_asks_for_nothing_and_runs_nothing_of_a_name(
    page: Page, tmp_path: Path
) -> None:
    component = ComponentState(HOSTILE, HOSTILE, 1)
    link = Link(
        source_id=HOSTILE,
        target="absent",
        wit_namespace="wasi",
        wit_package="http",
        interfaces=(HOSTILE,),
    )
    state = LatticeState(
        lattice=HOSTILE,
        hosts={"N1": HostState("N1", HOSTILE, {HOSTILE: HOSTILE}, components={HOSTILE: component})},
        specs={HOSTILE: ComponentSpec(HOSTILE, (link,))},
    )
    path = export_html(snapshot(state), tmp_path / "graph.html")
    asked: list[str] = []
    problems: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            asked.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_function(
        "() => typeof network !== 'undefined' && network.body.nodeIndices.length"
    )
    page.wait_for_timeout(500)
    shots = ROOT / "build" / "screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=shots / "exported-page.png")
    assert (asked, problems) == ([], [])
    assert page.evaluate("() => window.pwned") is None
    assert page.locator("img").count() == 0
