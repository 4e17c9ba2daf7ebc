"""A real JupyterLab in Debian's Chromium, driven as a person would drive it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

__all__ = ["ROOT", "Lab", "lab_server", "open_browser"]

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
START_TIMEOUT_S = 60.0
CELL_TIMEOUT_MS = 150_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def lab_server(folder: Path) -> Iterator[str]:
    """JupyterLab on ``folder``, with the extension of this tree and settings of its own."""
    shared = folder / ".jupyter" / "share"
    installed = shared / "labextensions" / "wasmcloud-workbench"
    installed.parent.mkdir(parents=True)
    installed.symlink_to(ROOT / "workbench" / "labextension")
    port = free_port()
    environment = {
        **os.environ,
        "JUPYTER_PATH": str(shared),
        "JUPYTER_CONFIG_DIR": str(folder / ".jupyter" / "config"),
        "JUPYTER_DATA_DIR": str(folder / ".jupyter" / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(_settings(folder / ".jupyter" / "settings")),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".jupyter" / "workspaces"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    log = (folder / ".jupyter" / "lab.log").open("w")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--ServerApp.token=", "--ServerApp.password=", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(url, server)
        yield url
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def _settings(folder: Path) -> Path:
    news = folder / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    return folder


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/api", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@contextmanager
def open_browser(*, width: int = 1440, height: int = 1000) -> Iterator[Page]:
    """A page of a headless Chromium; what its console reports as errors fails the test."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(30_000)
        try:
            yield page
        finally:
            browser.close()


class Lab:
    """One notebook in JupyterLab."""

    def __init__(self, page: Page, url: str, notebook: str) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(f"{url}/lab/tree/{notebook}?reset")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        page.wait_for_function(
            """() => {
              const panel = window.jupyterapp?.shell.currentWidget;
              const kernel = panel?.sessionContext?.session?.kernel;
              return kernel?.status === 'idle';
            }""",
            timeout=60_000,
        )

    def cell(self, beginning: str) -> int:
        """The index of the first code cell whose source begins so."""
        sources: list[str] = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.map("
            "  w => w.model.type === 'code' ? w.model.sharedModel.getSource() : '')"
        )
        return next(i for i, source in enumerate(sources) if source.startswith(beginning))

    def sources(self) -> list[str]:
        return self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.map("
            "  w => w.model.sharedModel.getSource())"
        )

    def start(self, index: int) -> None:
        """Run a cell without waiting for its end."""
        self.page.evaluate(
            """index => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              notebook.activeCellIndex = index;
              notebook.deselectAll();
              void window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def finish(self, index: int, *, timeout_ms: int = CELL_TIMEOUT_MS) -> None:
        """Wait until a started cell has its number."""
        self.page.wait_for_function(
            """index => {
              const cell = window.jupyterapp.shell.currentWidget.content.widgets[index];
              return cell.model.executionCount !== null && cell.model.executionState !== 'running';
            }""",
            arg=index,
            timeout=timeout_ms,
        )

    def run(self, beginning: str) -> Locator:
        """Run the cell with this beginning to its end; its outputs."""
        index = self.cell(beginning)
        self.start(index)
        self.finish(index)
        return self.output(index)

    def output(self, index: int) -> Locator:
        self.page.evaluate(
            "i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i)", index
        )
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"] .jp-OutputArea')

    def theme(self, name: str) -> None:
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name
        )
        self.page.wait_for_function(
            "dark => document.body.dataset.jpThemeLight === String(!dark)", arg="Dark" in name
        )

    def close_lattice(self) -> None:
        """Take down what the notebook's kernel may still have up; asks nothing of the page."""
        self.page.evaluate(
            """async code => {
              const kernel = window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
              if (kernel) await kernel.requestExecute({code, silent: true}).done;
            }""",
            "import workbench\nwhile lattice_ := workbench.current(): lattice_.close()",
        )

    def open_panel(self) -> Locator:
        self.page.evaluate("() => window.jupyterapp.shell.activateById('workbench-lattice')")
        panel = self.page.locator("#workbench-lattice")
        panel.wait_for()
        return panel

    def screenshot(self, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path
