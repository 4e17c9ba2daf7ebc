"""What a test must not leave behind: threads, child processes, file descriptors, folders."""

from __future__ import annotations

import gc
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Footprint"]


@dataclass(frozen=True)
class Footprint:
    """What this process holds at one moment."""

    threads: frozenset[str]
    children: frozenset[int]
    descriptors: int
    listening: frozenset[int]
    folders: frozenset[str]

    @classmethod
    def now(cls) -> Footprint:
        gc.collect()
        me = psutil.Process()
        return cls(
            threads=frozenset(t.name for t in threading.enumerate()),
            children=frozenset(p.pid for p in me.children(recursive=True)),
            descriptors=me.num_fds(),
            listening=frozenset(
                c.laddr.port for c in me.net_connections("inet") if c.status == psutil.CONN_LISTEN
            ),
            folders=frozenset(p.name for p in Path(tempfile.gettempdir()).glob("workbench-nats-*")),
        )

    def grown(self, *, within_s: float = 5.0) -> str:
        """What there is more of now than at this moment; empty when nothing.

        The kernel closes sockets and reaps children a little after we asked it to.
        """
        deadline = time.monotonic() + within_s
        while (more := self._more()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return more

    def _more(self) -> str:
        now = Footprint.now()
        found = {
            "threads": now.threads - self.threads,
            "processes": now.children - self.children,
            "ports": now.listening - self.listening,
            "folders": now.folders - self.folders,
            "file descriptors": max(0, now.descriptors - self.descriptors),
        }
        return ", ".join(f"{name}: {what}" for name, what in found.items() if what)
