"""Loading into a shell and unloading from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.notebook import errors
from workbench.notebook.comm import Panel
from workbench.notebook.completion import matcher
from workbench.notebook.component_log import ComponentLog
from workbench.notebook.display import records
from workbench.notebook.magics import WasmcloudMagics
from workbench.notebook.session import Session

__all__ = ["load", "unload"]


@dataclass(slots=True)
class _Loaded:
    matcher: Any
    panel: Panel
    log: ComponentLog


_loaded: dict[int, _Loaded] = {}


def load(shell: Any) -> None:
    if id(shell) in _loaded:
        return
    panel = Panel(shell)
    session = Session(shell, changed=panel.look)
    shell.register_magics(WasmcloudMagics(shell, session))
    found = matcher(session)
    shell.Completer.custom_matchers.append(found)
    errors.install(shell)
    records.register(shell)
    panel.open()
    session.log.open()
    _loaded[id(shell)] = _Loaded(found, panel, session.log)
    print("wasmCloud workbench is loaded: %wasmcloud up starts a lattice, %wasmcloud lists verbs.")


def unload(shell: Any) -> None:
    loaded = _loaded.pop(id(shell), None)
    if loaded is None:
        return
    loaded.panel.close()
    loaded.log.close()
    shell.Completer.custom_matchers.remove(loaded.matcher)
    records.unregister(shell)
    errors.uninstall(shell)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("wasmcloud", None)
