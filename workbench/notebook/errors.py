"""Errors of ours in a cell: the cause and the next step, without a traceback.

The cell still fails, so "run all" stops there and a headless run sees an ordinary error output.
Anything that is not a `WorkbenchError` keeps its traceback: it is a mistake in the code.
"""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any

from workbench.errors import ManifestError, Trap, WitError, WorkbenchError
from workbench.notebook.display.text import visible
from workbench.notebook.trapped import trap_lines, trap_words

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["describe", "install", "uninstall"]

# No red: front ends put errors on a red ground of their own, where red text drowns.
_BOLD, _DIM, _CYAN, _END = "\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[0m"
_LINES = 40
_MANIFEST_HINT = "mend the manifest there; `%wasmcloud app validate` checks it without deploying"
_LINE = 400


def install(shell: InteractiveShell) -> None:
    shell.set_custom_exc((WorkbenchError,), _show)


def uninstall(shell: InteractiveShell) -> None:
    shell.set_custom_exc((), _show)


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> list[str]:
    lines = describe(error, trace)
    shell._showtraceback(kind, error, lines)
    return lines


def describe(error: BaseException, trace: TracebackType | None = None) -> list[str]:
    """The lines a person reads; coloured for a terminal or a notebook."""
    message = error.message if isinstance(error, WorkbenchError) else str(error)
    hint = getattr(error, "hint", "")
    if isinstance(error, Trap):
        message, hint = trap_words(error)
    first, *more = _block(message)
    lines = [f"{_BOLD}✗ {first}{_END}", *(f"  {line}" for line in more)]
    if isinstance(error, ManifestError):
        lines += _findings(error)
    if isinstance(error, WitError):
        lines[0] = f"{_BOLD}✗ the callee answered with its error case{_END}"
        lines.append(f"  {visible(repr(error.payload), 2000)}")
    lines += [f"  {_DIM}{visible(note, _LINE)}{_END}" for note in getattr(error, "__notes__", ())]
    written = trap_lines(error) if isinstance(error, Trap) else _tool_output(error)
    lines += [f"  {_DIM}{line}{_END}" for line in written]
    if hint and not isinstance(error, ManifestError):
        lines += [f"  {_CYAN}→ {line}{_END}" for line in _block(hint)]
    place = _place(trace)
    if place:
        lines.append(f"  {_DIM}{place}{_END}")
    return lines


def _block(text: str) -> list[str]:
    lines = [visible(line, _LINE) for line in str(text).split("\n")] or [""]
    hidden = len(lines) - _LINES
    return [*lines[:_LINES], f"… ({hidden} more lines)"] if hidden > 0 else lines


def _findings(error: ManifestError) -> list[str]:
    findings = tuple(error.fields.get("findings") or ())
    if len(findings) == 1:
        # The headline says it already.
        hint = getattr(findings[0], "hint", "") or _MANIFEST_HINT
        return [f"  {_CYAN}→ {visible(hint, _LINE)}{_END}"]
    lines: list[str] = []
    for finding in findings[:_LINES]:
        lines.append(f"  • {visible(finding, _LINE)}")
        hint = getattr(finding, "hint", "")
        if hint:
            lines.append(f"    {_CYAN}→ {visible(hint, _LINE)}{_END}")
    return lines


def _tool_output(error: BaseException) -> list[str]:
    """The last lines that a build tool or a server wrote before it failed."""
    fields = getattr(error, "fields", {})
    text = fields.get("stderr") or fields.get("output") or ""
    if not isinstance(text, str):
        text = "\n".join(map(str, text))
    written = [line for line in text.strip().split("\n") if line.strip()]
    return [f"│ {visible(line, _LINE)}" for line in written[-12:]]


def _place(trace: TracebackType | None) -> str:
    """Where in the cell it happened, unless the cell is just a magic."""
    frames = [
        f
        for f in traceback.extract_tb(trace)
        if "ipykernel_" in f.filename or f.filename.startswith("<ipython-input")
    ]
    if not frames:
        return ""
    last = frames[-1]
    line = (last.line or "").strip()
    if not line or "run_line_magic" in line or "run_cell_magic" in line:
        return ""
    return f"in line {last.lineno} of the cell: {visible(line, 200)}"
