"""The verbs of applications on a lattice of this kernel, and on the same one seen from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import workbench
from workbench.errors import UsageError
from workbench.notebook.extension import load, unload

EMPTY = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: nothing, annotations: {version: v1}}
spec: {components: []}
"""


class Notebook:
    """One shell."""

    def __init__(self) -> None:
        self.shell = InteractiveShell.instance()  # the one that displays
        load(self.shell)

    def line(self, line: str) -> Any:
        return self.shell.run_line_magic("wasmcloud", line)

    def cell(self, line: str, body: str) -> Any:
        return self.shell.run_cell_magic("wasmcloud", line, body)


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    opened = Notebook()
    opened.line("up --hosts 1")
    yield opened
    if (lattice := workbench.current()) is not None:
        lattice.close()
    unload(opened.shell)
    InteractiveShell.clear_instance()


def test_an_application_without_parts_ends_at_once_with_a_word(notebook: Notebook) -> None:
    started = time.monotonic()
    with capture_output() as captured:
        notebook.cell("deploy", EMPTY)
    assert time.monotonic() - started < 5.0
    assert "It has no part that runs" in captured.outputs[-1].data["text/plain"]
    lattice = workbench.current()
    assert lattice is not None
    assert lattice.app("nothing").wait(timeout_s=5.0).type == "undeployed"


def test_the_list_says_who_manages(notebook: Notebook) -> None:
    listed = notebook.line("app list")
    assert repr(listed).endswith("managed by a workbench manager (this kernel)")
    assert "managed by a workbench manager (this kernel)" in listed._repr_html_()
    lattice = workbench.current()
    assert lattice is not None
    server = lattice._aio._embedded.server  # type: ignore[union-attr] # it is embedded
    assert server is not None
    address = server.url.removeprefix("nats://")
    with workbench.connect(f"nats://{server.user}:{server.password}@{address}") as outside:
        assert str(outside.keeper()).startswith("a workbench manager (")
        assert "process" in outside.keeper().where


def test_waiting_and_not_waiting_exclude_each_other(notebook: Notebook) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        notebook.cell("deploy --wait --no-wait", EMPTY)
    notebook.cell("deploy --wait", EMPTY)
    notebook.cell("deploy --no-wait", EMPTY)
