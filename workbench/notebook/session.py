"""What one notebook has: its shell, the WIT and components its cells made, its lattice."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import workbench
from workbench.authoring import Built, WitRegistry
from workbench.errors import NotRunning, UsageError
from workbench.notebook.component_log import ComponentLog

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from workbench import Lattice

__all__ = ["Session"]

LATTICE_NAME = "lattice"
"""The variable that `up` and `connect` set, so that Python and magics speak of the same thing."""


class Session:
    """State behind the magics of one IPython shell."""

    def __init__(
        self, shell: InteractiveShell, *, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.shell = shell
        self._changed = changed
        self.log = ComponentLog(shell)
        self.wit = WitRegistry()
        self.built: dict[str, Built] = {}

    @property
    def lattice(self) -> Lattice:
        """The lattice that verbs act on; `NotRunning` when there is none."""
        lattice = workbench.current()
        if lattice is None:
            raise NotRunning(
                "no lattice is up",
                hint="`%wasmcloud up` starts one here, `%wasmcloud connect URL` joins one",
            )
        return lattice

    def adopt(self, lattice: Lattice) -> None:
        """Make a new lattice known: to the notebook as ``lattice``, with the cells built so far."""
        before = self.shell.user_ns.get(LATTICE_NAME)
        if before is None or isinstance(before, workbench.Lattice):
            self.shell.user_ns[LATTICE_NAME] = lattice
        if lattice.embedded:
            for name, built in self.built.items():
                lattice.cells.put(name, built.path)
        self._changed()

    def keep(self, built: Built) -> list[str]:
        """Remember what a cell built; returns the components that now run the new code.

        Its WIT is kept too: a later cell may import what this one exports.
        """
        self.built[built.name] = built
        if built.wit.strip():
            self.wit.add(built.wit)
        lattice = workbench.current()
        if lattice is None or not lattice.embedded:
            return []
        lattice.cells.put(built.name, built.path)
        return lattice.reload_cell(built.name)

    def variable(self, name: str) -> Any:
        """The value of a notebook variable, for ``$name`` on a magic line."""
        if name in self.shell.user_ns:
            return self.shell.user_ns[name]
        near = difflib.get_close_matches(name, self.shell.user_ns, n=3)
        raise UsageError(
            f"there is no variable {name!r} in this notebook",
            hint=f"did you mean {', '.join(near)}?" if near else "quote '$…' to mean the text",
            matches=near,
        )

    def set_variable(self, name: str, value: Any) -> None:
        if not name.isidentifier():
            raise UsageError(
                f"{name!r} can't be the name of a variable", hint="letters, digits and '_'"
            )
        self.shell.user_ns[name] = value
