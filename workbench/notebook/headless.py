"""Running a notebook without Jupyter: the journey of `make demo`, printed as it goes.

The cells run in a plain IPython shell, in order, in the folder that takes the files they write.
A cell may fail only if its notebook says so (tag ``raises-exception``), and then it must.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from workbench.errors import UsageError

__all__ = ["run_notebook"]

EXPECTED_FAILURE = "raises-exception"


class _Printer(DisplayPublisher):
    """Prints the text form of what cells show; of a live display only what is really new.

    A screen that repaints a line ten times a second would fill the terminal: two states that
    differ in digits alone, such as a clock, count as one.
    """

    _last = ""

    def publish(self, data: dict[str, Any], *_: Any, **__: Any) -> None:  # type: ignore[override]
        text = str(data.get("text/plain", ""))
        if text and (shape := re.sub(r"[\d.]+", "#", text)) != self._last:
            self._last = shape
            print(text)


def run_notebook(path: Path, *, output: Path) -> int:
    """Run every code cell; returns 0 if all went as the notebook says, else 1."""
    cells = list(_cells(path))
    output.mkdir(parents=True, exist_ok=True)
    shell = InteractiveShell.instance()
    shell.display_pub = _Printer(shell=shell)
    before, began = Path.cwd(), time.perf_counter()
    os.chdir(output)
    try:
        for number, cell in enumerate(cells, 1):
            if cell["cell_type"] == "markdown":
                _print_heading(_source(cell))
            elif cell["cell_type"] == "code" and not _run_cell(shell, cell, number):
                return 1
    finally:
        os.chdir(before)
        _close_lattice()
    print(f"\nThe whole notebook took {time.perf_counter() - began:.1f} s.")
    return 0


def _cells(path: Path) -> Iterator[dict[str, Any]]:
    try:
        notebook = json.loads(path.read_text())
        yield from notebook["cells"]
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a notebook", hint="give an .ipynb file") from error


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _print_heading(text: str) -> None:
    for line in text.splitlines():
        if line.startswith("#"):
            print(f"\n=== {line.lstrip('# ')} ===")


def _run_cell(shell: InteractiveShell, cell: dict[str, Any], number: int) -> bool:
    source = _source(cell)
    first, _, rest = source.partition("\n")
    print(f"\n>>> {first}" + (f"  … {len(rest.splitlines())} more lines" if rest else ""))
    began = time.perf_counter()
    result = shell.run_cell(source, store_history=True)
    print(f"    ({time.perf_counter() - began:.2f} s)")
    may_fail = EXPECTED_FAILURE in cell.get("metadata", {}).get("tags", ())
    if result.success == may_fail:
        print(f"!!! cell {number} should have {'failed' if may_fail else 'worked'}")
        return False
    return True


def _close_lattice() -> None:
    from workbench import current

    if (lattice := current()) is not None:
        lattice.close()
