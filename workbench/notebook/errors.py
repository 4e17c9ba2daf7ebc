"""Errors of ours in a cell: the cause and the next step, without a traceback.

The cell still fails, so "run all" stops there and a headless run sees an ordinary error output.
Anything that is not a `WorkbenchError` keeps its traceback: it is a mistake in the code.
"""

from __future__ import annotations

import re
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any

from workbench.errors import LimitHit, ManifestError, Trap, WitError, WorkbenchError
from workbench.notebook.display.text import visible

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
    if isinstance(error, Trap) and not isinstance(error, LimitHit):
        message, hint = _trapped(error)
    first, *more = _block(message)
    lines = [f"{_BOLD}✗ {first}{_END}", *(f"  {line}" for line in more)]
    if isinstance(error, ManifestError):
        lines += _findings(error)
    if isinstance(error, WitError):
        lines[0] = f"{_BOLD}✗ the callee answered with its error case{_END}"
        lines.append(f"  {visible(repr(error.payload), 2000)}")
    lines += [f"  {_DIM}{visible(note, _LINE)}{_END}" for note in getattr(error, "__notes__", ())]
    lines += _guest_output(error)
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


# What Rust's runtime under a Python component adds when Python code raises.
_RUNTIME_WORDS = re.compile(
    r"thread '.*' .*panicked at|Python function threw an unexpected exception|note: run with"
)


def _trapped(error: Trap) -> tuple[str, str]:
    """What happened and what to do. The hint of a trap is where it stopped in machine code: that
    says something only where the guest wrote nothing."""
    stderr = [line for line in error.fields.get("stderr", ()) if line.strip()]
    if not stderr:
        return error.message, error.hint
    message = error.message
    if any(line.startswith("Traceback (most recent call last)") for line in stderr):
        stderr = [line for line in stderr if not _RUNTIME_WORDS.search(line)]
        message = f"{message.partition(' trapped')[0]} raised {stderr[-1]}"
    return message, "mend the component's cell and run it again: running copies take the new code"


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


def _guest_output(error: BaseException) -> list[str]:
    """The last lines a component or a build tool wrote before it failed."""
    fields = getattr(error, "fields", {})
    text = fields.get("stderr") or fields.get("output") or ""
    if not isinstance(text, str):
        text = "\n".join(map(str, text))
    written = [
        line
        for line in text.strip().split("\n")
        if line.strip() and not _RUNTIME_WORDS.search(line)
    ][-12:]
    return [f"  {_DIM}│ {visible(line, _LINE)}{_END}" for line in written]


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
