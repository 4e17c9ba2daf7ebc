"""The kernel's side of the Lattice panel: comm target ``workbench.lattice``.

Either side may open: the kernel when the extension is loaded, so that a panel hears at once, and
a panel that finds a kernel which is loaded already. Every comm is sent the whole state, at most
four times a second, from the lattice's loop thread: also while a cell blocks.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import workbench
from workbench.notebook.display.text import visible
from workbench.notebook.panel import panel_groups
from workbench.notebook.widgets.pace import Pace

__all__ = ["TARGET", "Panel"]

log = logging.getLogger(__name__)

TARGET = "workbench.lattice"
INTERVAL_S = 0.25


class Panel:
    """All open panels of one kernel, and the lattice they are shown."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._manager: Any = getattr(getattr(shell, "kernel", None), "comm_manager", None)
        self._lock = threading.Lock()
        self._comms: dict[str, Any] = {}
        self._lattice: Any = None
        self._undo: Any = None
        self._pace: Pace | None = None
        self._was_up = False

    def open(self) -> None:
        """Register the target and tell panels that are waiting."""
        if self._manager is None:
            return
        self._manager.register_target(TARGET, self._opened)
        self._shell.events.register("post_run_cell", self.look)
        from comm import create_comm

        self._add(create_comm(target_name=TARGET, data={"version": 1}))
        self.look()
        self.send()

    def close(self) -> None:
        if self._manager is None:
            return
        self._shell.events.unregister("post_run_cell", self.look)
        self._manager.unregister_target(TARGET, self._opened)
        self._leave()
        with self._lock:
            comms, self._comms = list(self._comms.values()), {}
        for comm in comms:
            comm.close()

    def look(self, *_: Any) -> None:
        """Follow the current lattice; called when a verb opened one and after every cell."""
        lattice = workbench.current()
        if self._manager is None or lattice is self._lattice:
            return
        self._leave()
        if lattice is not None:
            self._follow(lattice)
        self.send()

    def send(self) -> None:
        """The state of now to every panel; callable on any thread."""
        message = self.message()
        with self._lock:
            comms = list(self._comms.values())
        for comm in comms:
            comm.send(message)

    def message(self) -> dict[str, Any]:
        lattice = self._lattice
        if lattice is None or lattice.closed:
            return {"type": "state", "phase": "closed" if self._was_up else "none", "groups": []}
        state = lattice.state
        return {
            "type": "state",
            "phase": "up",
            "lattice": visible(lattice.name, 80),
            "embedded": lattice.embedded,
            "writable": lattice.writable,
            "seq": state.seq,
            "groups": panel_groups(state),
        }

    def _follow(self, lattice: Any) -> None:
        self._lattice = lattice
        self._was_up = True
        self._pace = Pace(lattice.loop, self.send, interval_s=INTERVAL_S)
        pace = self._pace
        self._undo = lattice.observer.subscribe(lambda _state, _change: pace.poke())
        lattice.on_close(self._closed)

    def _closed(self) -> None:
        self._leave()
        self.send()

    def _leave(self) -> None:
        if self._pace is not None:
            self._pace.stop()
        if self._undo is not None:
            self._undo()
        self._lattice = self._undo = self._pace = None

    def _opened(self, comm: Any, _message: Any) -> None:
        self._add(comm)
        comm.send(self.message())

    def _add(self, comm: Any) -> None:
        with self._lock:
            self._comms[comm.comm_id] = comm
        comm.on_close(lambda _message: self._forget(comm.comm_id))

    def _forget(self, comm_id: str) -> None:
        with self._lock:
            self._comms.pop(comm_id, None)
