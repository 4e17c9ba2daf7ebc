"""``%wasmcloud`` and ``%%wasmcloud``: find the verb, parse the line, run its handler."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from workbench.errors import Interrupted, UsageError
from workbench.notebook.help import overview, verb_page
from workbench.notebook.parse import find_verb, parse_call
from workbench.notebook.session import Session
from workbench.notebook.verbs import PLANNED, VERBS

__all__ = ["WasmcloudMagics"]

_AFTER = "what was asked of the lattice before goes on: `%wasmcloud status` shows what is"


@magics_class
class WasmcloudMagics(Magics):
    """The one magic, as a line and as a cell."""

    def __init__(self, shell: Any, session: Session) -> None:
        super().__init__(shell)
        self.session = session

    # Braces belong to JSON and WAVE; variables are written $name and handed over as objects.
    @no_var_expand
    @line_cell_magic
    def wasmcloud(self, line: str, cell: str | None = None) -> Any:
        """Be, join, act on and see a wasmCloud lattice; `%wasmcloud help` lists the verbs."""
        name, _, rest = line.strip().partition(" ")
        if name in ("", "help", "--help", "-h"):
            return self._help(rest.strip(), cell)
        verb = find_verb(VERBS, name, PLANNED)
        if "--help" in rest.split():
            return verb_page(verb)
        call = parse_call(verb, rest, cell, self.session.variable)
        try:
            return verb.handler(self.session, call)
        except KeyboardInterrupt:
            raise Interrupted(f"`{verb.name}` was interrupted", hint=_AFTER) from None

    def _help(self, name: str, cell: str | None) -> Any:
        if cell is not None and cell.strip():
            raise UsageError("%%wasmcloud wants a verb", hint="`%wasmcloud help` lists them")
        return verb_page(find_verb(VERBS, name, PLANNED)) if name else overview(VERBS)
