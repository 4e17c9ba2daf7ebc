"""What goes wrong with a component is told before its first call, or in the cell that called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import workbench
from workbench.notebook.display.shown import Shown
from workbench.notebook.extension import load, unload
from workbench.notebook.verbs import apps, units

HERE = Path(__file__).parent
SOURCES = {
    "tiny": HERE.parent / "golden" / "tiny.wat",
    "caller": HERE / "host" / "components" / "caller.wat",
    "needy": HERE / "host" / "components" / "needy.wat",
}
MANIFEST = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: pair, annotations: {version: v1, description: x}}
spec:
  components:
    - {name: caller, type: component, properties: {image: "cell://caller", id: front},
       traits: [{type: spreadscaler, properties: {instances: 1}}]}
"""


class Notebook:
    """One shell; ``shown`` has what cells displayed."""

    def __init__(self) -> None:
        self.shell = InteractiveShell()
        self.shown: list[Any] = []
        load(self.shell)

    def line(self, line: str) -> Any:
        return self.shell.run_line_magic("wasmcloud", line)

    def cell(self, line: str, body: str) -> Any:
        return self.shell.run_cell_magic("wasmcloud", line, body)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    opened = Notebook()

    class Display:
        def show(self, shown: Shown) -> None:
            opened.shown.append(shown)

    for module in (apps, units):
        monkeypatch.setattr(module, "LiveDisplay", Display)
    for name, path in SOURCES.items():
        opened.cell(f"component {name} --lang wat", path.read_text())
    opened.line("up")
    yield opened
    if (lattice := workbench.current()) is not None:
        lattice.close()
    unload(opened.shell)
    InteractiveShell.clear_instance()


def test_an_import_without_a_link_is_told_at_the_start_with_who_exports_it(
    notebook: Notebook,
) -> None:
    notebook.line("start component cell://tiny tiny")
    assert notebook.shown == []
    notebook.line("start component cell://caller caller")
    (note,) = notebook.shown
    assert note.text.split("\n") == [
        "! caller imports lab:tiny/api@0.1.0, and no link gives it (exported by tiny)",
        "    %wasmcloud link put caller tiny lab:tiny/api",
    ]
    notebook.line("link put caller tiny lab:tiny/api")
    lattice = notebook.shell.user_ns["lattice"]
    assert lattice.unlinked("caller") == []
    assert lattice.invoke("caller", "run.go") == 42


def test_what_this_process_serves_is_among_those_who_could_answer(notebook: Notebook) -> None:
    lattice = notebook.shell.user_ns["lattice"]
    wit = "package lab:tiny@0.1.0; interface api { add: func(a: u32, b: u32) -> u32; }"
    with lattice.serve("mine", {"lab:tiny/api@0.1.0": {"add": lambda a, b: a + b}}, wit=wit):
        notebook.line("start component cell://caller caller")
    assert "(exported by mine)" in notebook.shown[0].text


def test_a_deployment_tells_what_its_components_would_call_in_vain(notebook: Notebook) -> None:
    notebook.cell("deploy", MANIFEST)
    note = notebook.shown[-1]
    assert (
        "front imports lab:tiny/api@0.1.0, and no link gives it (nobody here exports it)"
        in note.text
    )
    assert "%wasmcloud link put front TARGET lab:tiny/api" in note.text


def test_what_no_link_could_give_refuses_the_start_and_says_so(notebook: Notebook) -> None:
    with pytest.raises(workbench.errors.ControlError) as caught:
        notebook.line("start component cell://needy needy")
    text = str(caught.value)
    assert "nobody provides what the component imports: wasi:blobstore/blobstore" in text
    assert "no link can give that" in caught.value.hint
    assert notebook.shown == []
