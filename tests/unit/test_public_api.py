"""What `import workbench` gives, and what it must not pull in."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import workbench

HEAVY = ("IPython", "ipywidgets", "anywidget", "wasmtime", "networkx", "nats", "aiohttp", "pyvis")


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import json, sys, workbench; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(ran.stdout))
    assert loaded.isdisjoint(HEAVY)


def test_every_public_name_resolves_and_says_what_it_is() -> None:
    assert sorted(workbench.__all__) == workbench.__all__
    for name in workbench.__all__:
        value = getattr(workbench, name)
        assert inspect.getdoc(value), f"workbench.{name} has no docstring"


def test_every_method_of_the_handle_says_what_it_does() -> None:
    silent = [
        name
        for kind in (workbench.Lattice, workbench.App)
        for name, value in vars(kind).items()
        if not name.startswith("_") and not inspect.getdoc(value)
    ]
    assert silent == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert not hasattr(workbench, "nonsense")
