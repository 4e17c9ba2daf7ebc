from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.notebooks.notebook_run import NOTEBOOKS, load, outputs_of, run, text_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quickstart")


@pytest.fixture(scope="module")
def quickstart(folder: Path) -> Any:
    """The executed notebook; its kernel is gone when this returns."""
    return run(load("00-quickstart.ipynb"), folder)


def test_loading_the_extension_says_one_line(quickstart: Any) -> None:
    assert len(outputs_of(quickstart, "%load_ext").strip().splitlines()) == 1


def test_the_deploy_cell_ends_at_deployed(quickstart: Any) -> None:
    assert "deployed" in outputs_of(quickstart, "%%wasmcloud deploy").lower()


def test_the_component_answers_directly_and_through_the_port(quickstart: Any) -> None:
    assert "Hello from /direct" in outputs_of(quickstart, "%wasmcloud http")
    assert "Hello from /through-the-port" in outputs_of(quickstart, "from urllib")
    assert "Hello from /from-the-other-host" in outputs_of(quickstart, 'urlopen("http://127.0.0.1')


def test_traffic_lists_both_calls_with_their_times(quickstart: Any) -> None:
    shown = outputs_of(quickstart, "%wasmcloud traffic")
    assert shown.count("handle") >= 2
    assert "httpserver" in shown and "ms" in shown


def test_a_typed_call_gives_a_typed_value(quickstart: Any) -> None:
    assert "Ada is 36" in outputs_of(quickstart, "%wasmcloud invoke greeter")
    assert "('Grace is 85', b'cba')" in outputs_of(quickstart, "import workbench")


def test_a_wrong_argument_names_parameter_type_and_value_without_traceback(
    quickstart: Any,
) -> None:
    failing = [c for c in quickstart.cells if "raises-exception" in c.metadata.get("tags", [])]
    shown = text_of(failing[0])
    assert "p.age" in shown and "u8" in shown and "'old'" in shown
    assert "Traceback" not in shown


def test_a_missing_link_is_named_with_the_command_that_adds_it(quickstart: Any) -> None:
    failing = [c for c in quickstart.cells if "raises-exception" in c.metadata.get("tags", [])]
    shown = text_of(failing[1])
    assert "%wasmcloud link put front greeter demo:greet/greeter" in shown
    assert "Traceback" not in shown
    answers = [
        text_of(c) for c in quickstart.cells if c.source.startswith("%wasmcloud invoke front")
    ]
    assert "Welcome! Ada is 36" in answers[1]


def test_the_graph_is_one_page_that_asks_for_nothing(quickstart: Any, folder: Path) -> None:
    page = (folder / "lattice.html").read_text()
    assert "greeter" in page and "httpserver" in page
    assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page) == []


def test_nothing_is_left_when_the_lattice_is_down(quickstart: Any, folder: Path) -> None:
    assert "down" in outputs_of(quickstart, "%wasmcloud down")
    commands = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    assert [command for command in commands if str(folder) in command] == []
    assert list(folder.glob("workbench-*")) == []


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda p: p.name)
def test_notebooks_are_committed_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
