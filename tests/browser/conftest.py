"""One JupyterLab for all browser tests, one page for each module."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.lab import CHROMIUM, ROOT, Lab, lab_server, open_browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def front_end() -> None:
    """The front end of these sources, built."""
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    build = [sys.executable, str(ROOT / "extensions" / "build_hook.py")]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def lab_url(front_end: None, lab_folder: Path) -> Iterator[str]:
    with lab_server(lab_folder) as url:
        yield url


@pytest.fixture(scope="module")
def page(lab_url: str) -> Iterator[Page]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def open_lab(page: Page, lab_url: str, lab_folder: Path) -> Callable[[str, str], Lab]:
    """Write a notebook (its JSON text) under a name, and open it."""

    def opened(name: str, text: str) -> Lab:
        (lab_folder / name).write_text(text)
        return Lab(page, lab_url, name)

    return opened
