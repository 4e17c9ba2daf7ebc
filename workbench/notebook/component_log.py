"""What components write, kept for `logs` and shown under the cell during which they wrote it.

Hosts of this kernel put every line into Python's log, on whatever thread the guest ran. Printed
from there it would land under the cell that started the host; so the lines are kept, and shown
from the main thread when a cell has run.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from IPython.display import display

from workbench.errors import Trap
from workbench.notebook.display.logs import shown_lines

__all__ = ["ComponentLog", "Heard"]

LOGGER = "workbench.component"
KEPT = 2000
SHOWN = 50
"""Lines under one cell; a component that writes more is for `logs`."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One line and when it came."""

    at_s: float
    line: Any


class ComponentLog(logging.Handler):
    """The last lines of all components."""

    def __init__(self, shell: Any) -> None:
        super().__init__(logging.INFO)
        self._shell = shell
        self._lines: deque[Heard] = deque(maxlen=KEPT)
        self._in_cell: deque[Heard] = deque(maxlen=KEPT)
        self._dropped = 0
        self._running = False
        self._guard = threading.Lock()
        self._level_before = logging.NOTSET

    def open(self) -> None:
        logger = logging.getLogger(LOGGER)
        self._level_before = logger.level
        if not logger.isEnabledFor(logging.INFO):
            logger.setLevel(logging.INFO)
        logger.addHandler(self)
        self._shell.events.register("pre_run_cell", self._cell_begins)
        self._shell.events.register("post_run_cell", self._cell_ends)

    def close(self) -> None:
        logger = logging.getLogger(LOGGER)
        if self in logger.handlers:
            logger.removeHandler(self)
            logger.setLevel(self._level_before)
            self._shell.events.unregister("pre_run_cell", self._cell_begins)
            self._shell.events.unregister("post_run_cell", self._cell_ends)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Called on any thread."""
        line = getattr(record, "line", None)
        if line is None:
            return
        heard = Heard(record.created, line)
        with self._guard:
            self._lines.append(heard)
            # What a host says of a failed call is the error of the cell that called.
            if self._running and line.stream != "host":
                self._dropped += len(self._in_cell) == KEPT
                self._in_cell.append(heard)

    def lines(self, component: str | None = None) -> list[Heard]:
        """What was heard, oldest first."""
        with self._guard:
            heard = list(self._lines)
        return [one for one in heard if component in (None, one.line.component_id)]

    def _cell_begins(self, *_: Any) -> None:
        with self._guard:
            self._running = True
            self._in_cell.clear()
            self._dropped = 0

    def _cell_ends(self, result: Any = None, *_: Any) -> None:
        with self._guard:
            self._running = False
            heard, more = list(self._in_cell), self._dropped
            self._in_cell.clear()
        error = getattr(result, "error_in_exec", None)
        if isinstance(error, Trap):
            heard = _without_last_words(heard, error)
        if heard:
            display(shown_lines(heard[:SHOWN], more=more + max(0, len(heard) - SHOWN)))


def _without_last_words(heard: list[Heard], error: Trap) -> list[Heard]:
    """Without the lines that the error tells itself."""
    told = {str(line) for line in error.fields.get("stderr", ())}
    traces = {one.line.traceparent for one in heard if one.line.message in told}
    return [
        one for one in heard if one.line.stream != "stderr" or one.line.traceparent not in traces
    ]
