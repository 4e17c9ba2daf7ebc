"""The verbs of the magic on a real lattice: real nats-server, real hosts, a real component.

One IPython shell, one lattice; the tests are the steps of one session and run in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import workbench
from workbench.errors import (
    ArtifactError,
    NotFound,
    NotRunning,
    UsageError,
    ValueMismatch,
    WorkbenchError,
)
from workbench.notebook.display.shown import Shown
from workbench.notebook.extension import load, unload

TINY = (Path(__file__).parents[1] / "golden" / "tiny.wat").read_text()
MATH = "demo:math/ops"


class Notebook:
    """What a person types, and what the cell's value is."""

    def __init__(self) -> None:
        self.shell = InteractiveShell()
        load(self.shell)

    def line(self, line: str) -> Any:
        return self.shell.run_line_magic("wasmcloud", line)

    def cell(self, line: str, body: str) -> Any:
        return self.shell.run_cell_magic("wasmcloud", line, body)

    def text(self, line: str) -> str:
        value = self.line(line)
        return value.text if isinstance(value, Shown) else repr(value)


@pytest.fixture(scope="module")
def notebook() -> Iterator[Notebook]:
    opened = Notebook()
    yield opened
    if (lattice := workbench.current()) is not None:
        lattice.close()
    unload(opened.shell)
    InteractiveShell.clear_instance()


@pytest.fixture(scope="module")
def function(notebook: Notebook) -> str:
    """``ns:pkg/iface`` that the tiny component exports."""
    (interface,) = [k for k in notebook.shell.user_ns["lattice"].exports("tiny") if "/" in k]
    return interface.partition("@")[0]


def test_before_up_every_verb_says_there_is_no_lattice(notebook: Notebook) -> None:
    with pytest.raises(NotRunning, match="no lattice is up"):
        notebook.line("status")


def test_a_file_is_inspected_without_a_lattice(notebook: Notebook, tmp_path: Path) -> None:
    path = tmp_path / "tiny.wat"
    path.write_text(TINY)
    shown = notebook.text(f"inspect {path}")
    assert shown.startswith("Component tiny, ") and "add: func(a: u32, b: u32)" in shown
    assert "export lab:tiny/api@0.1.0;" in notebook.text(f"wit {path}")
    with pytest.raises(ArtifactError, match="can't be read"):
        notebook.line("inspect ./nope.wasm")


def test_a_component_built_before_up_is_known_after_it(notebook: Notebook) -> None:
    notebook.cell("component tiny --lang wat", TINY)
    notebook.line("up")
    lattice = notebook.shell.user_ns["lattice"]
    assert lattice is workbench.current()
    assert "Component tiny runs" in notebook.text("start component cell://tiny tiny")
    assert [c.id for c in notebook.line("get components")] == ["tiny"]


def test_arguments_come_as_words_json_variables_and_bodies(
    notebook: Notebook, function: str
) -> None:
    notebook.shell.user_ns["n"] = 40
    assert notebook.line(f"invoke tiny {function}.add 1 2") == 3
    assert notebook.line(f"call tiny {function}.add $n 2") == 42
    assert notebook.cell(f"invoke tiny {function}.add", "a: 5\nb: 6\n") == 11
    assert notebook.cell(f"invoke tiny {function}.add", "[7, 8]") == 15
    assert notebook.line(f"invoke tiny {function}.hello") == "hello"
    notebook.line(f"invoke tiny {function}.hello -o kept")
    assert notebook.shell.user_ns["kept"] == "hello"


def test_a_wrong_argument_names_the_parameter(notebook: Notebook, function: str) -> None:
    with pytest.raises(ValueMismatch, match="b: expected u32"):
        notebook.line(f"invoke tiny {function}.add 1 x")
    with pytest.raises(UsageError, match="takes 2 arguments, not 1"):
        notebook.line(f"invoke tiny {function}.add 1")
    with pytest.raises(NotFound):
        notebook.line(f"invoke tiny {function}.ad 1 2")
    with pytest.raises(NotFound) as caught:
        notebook.line(f"invoke tyni {function}.add 1 2")
    assert "tiny" in str(caught.value)


def test_the_calls_are_listed_with_their_values(notebook: Notebook) -> None:
    shown = notebook.text("traffic tiny")
    assert re.search(r"✓ .*workbench +tiny .*add +40, 2 +42", shown)


def test_links_are_put_listed_explained_and_deleted(notebook: Notebook) -> None:
    notebook.line(f"link put a tiny {MATH} --name other")
    notebook.line("link put a tiny demo math --interface ops")
    notebook.cell("link", f"- {{source: b, target: tiny, interface: '{MATH}'}}")
    assert [
        (k.source_id, k.name)
        for k in sorted(notebook.line("link"), key=lambda k: (k.source_id, k.name))
    ] == [
        ("a", "default"),
        ("a", "other"),
        ("b", "default"),
    ]
    assert "a → tiny" in notebook.text(f"explain a tiny {MATH}")
    notebook.line(f"link del a {MATH} --name other")
    notebook.line("link del a demo math")
    assert [k.source_id for k in notebook.line("get links")] == ["b"]
    with pytest.raises(NotFound):
        notebook.line(f"link del a {MATH}")
    with pytest.raises(UsageError, match="that is no link"):
        notebook.line("link put a")
    with pytest.raises(UsageError, match="link 1 wants target"):
        notebook.cell("link", f"- {{source: b, interface: '{MATH}'}}")


def test_configuration_is_put_from_a_line_or_a_body(notebook: Notebook) -> None:
    notebook.line("config put one a=1 b='two words'")
    notebook.cell("config put two", "port: 8080\nname: x\n")
    assert "two words" in notebook.text("config get one")
    assert "8080" in notebook.text("config get two")
    notebook.line("config del one")
    with pytest.raises(NotFound):
        notebook.line("config get one")


def test_a_second_host_joins_takes_labels_and_stops(notebook: Notebook) -> None:
    notebook.line("up --hosts 2 --label zone=b")
    hosts = notebook.line("get hosts")
    assert sorted(h.labels.get("zone", "") for h in hosts) == ["", "b"]
    second = next(h for h in hosts if h.labels.get("zone") == "b")
    notebook.line(f"label {second.friendly_name} tier=edge")
    assert "tier=edge" in notebook.text("get hosts")
    notebook.line("scale tiny 6")
    assert "6" in notebook.text("get components")
    notebook.line(f"stop host {second.id}")
    assert len(notebook.line("get hosts")) == 1
    with pytest.raises(UsageError, match="only adds hosts"):
        notebook.line("up --hosts 0")


def test_the_graph_is_written_as_one_page(notebook: Notebook, tmp_path: Path) -> None:
    notebook.line(f"graph --export {tmp_path}/graph.html")
    assert "tiny" in (tmp_path / "graph.html").read_text()
    widget = notebook.line("graph")
    assert widget is notebook.line("graph"), "one model a lattice"
    assert "component tiny" in widget._repr_mimebundle_()[0]["text/plain"]


def test_doctor_events_inventory_and_inspect_tell_what_is(notebook: Notebook) -> None:
    assert "manager" in notebook.text("doctor")
    assert "component_scaled" in notebook.text("events")
    assert "tiny" in notebook.text("inventory")
    assert "add: func(a: u32, b: u32) -> u32" in notebook.text("wit tiny")


def test_every_error_of_a_verb_is_one_of_ours(notebook: Notebook) -> None:
    for line in (
        "stop component nobody",
        "scale nobody 3",
        "app status nobody",
        "deploy nowhere.yaml",
    ):
        with pytest.raises(WorkbenchError):
            notebook.line(line)


def test_down_ends_the_lattice_and_the_widget_says_so(notebook: Notebook) -> None:
    widget = notebook.line("graph")
    assert "is down" in notebook.text("down")
    assert widget.live is False
    assert workbench.current() is None
