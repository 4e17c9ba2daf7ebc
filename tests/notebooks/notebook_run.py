"""Running the project's notebooks in a real kernel, with ports that are free here."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

__all__ = ["NOTEBOOKS", "free_port", "load", "outputs_of", "run"]

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CELL_TIMEOUT_S = 180


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def load(name: str) -> Any:
    """A notebook whose port 8080 is replaced by a free one."""
    text = (NOTEBOOKS / name).read_text()
    return nbformat.reads(text.replace("127.0.0.1:8080", f"127.0.0.1:{free_port()}"), 4)


def run(notebook: Any, folder: Path) -> Any:
    """Execute all cells; a cell that fails without saying so raises CellExecutionError.

    Temporary files of the kernel go below ``folder``, which tells its processes from others.
    """
    NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    ).execute(env={**os.environ, "TMPDIR": str(folder)})
    return notebook


def outputs_of(notebook: Any, beginning: str) -> str:
    """All text that the first code cell with this beginning showed, plain forms only."""
    cell = next(
        c for c in notebook.cells if c.cell_type == "code" and c.source.startswith(beginning)
    )
    return text_of(cell)


def text_of(cell: Any) -> str:
    parts: list[str] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.extend(output.traceback)
        else:
            parts.append(str(output.data.get("text/plain", "")))
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(parts))
