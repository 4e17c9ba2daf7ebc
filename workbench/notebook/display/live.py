"""A display that is redrawn in place, from any thread, while a cell is still running."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle

from workbench.notebook.display.shown import Shown

__all__ = ["LiveDisplay", "Ticker"]


class LiveDisplay:
    """One output area. Outside a notebook only the last state is printed.

    A front end updates a display by its id, so it does not matter which thread redraws it; the
    lock keeps an older state from overtaking a newer one.
    """

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None
        self._lock = threading.Lock()
        self._last = ""

    def show(self, shown: Shown) -> None:
        if get_ipython() is None:
            return
        with self._lock:
            html = str(shown.html)
            if html == self._last:
                return
            self._last = html
            if self._handle is None:
                self._handle = DisplayHandle()
                self._handle.display(shown)
            else:
                self._handle.update(shown)

    def settle(self, shown: Shown) -> Shown | None:
        """The last state: in place of what is there, or given back to be the value of the cell."""
        if self._handle is None:
            return shown
        self.show(shown)
        return None


class Ticker:
    """Calls ``draw`` every ``interval_s`` while a ``with`` block runs: for elapsed times.

    The thread is ours: it is told to stop and joined when the block ends.
    """

    def __init__(self, draw: Callable[[float], Any], *, interval_s: float = 0.25) -> None:
        self._draw = draw
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._began = 0.0
        self._thread = threading.Thread(target=self._run, name="workbench-ticker", daemon=True)

    def __enter__(self) -> Ticker:
        self._began = time.monotonic()
        self._thread.start()
        return self

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._draw(self.elapsed_s)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
