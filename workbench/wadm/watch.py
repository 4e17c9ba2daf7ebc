"""When each host was heard last, and which of them it is time to ask."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["Watch"]


class Watch:
    """Hosts say something every 30 s; one that is silent for ``patience_s`` shall be asked.

    Looking at all hosts with every event would cost more than the event: so it is known before
    when none of them can be due.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self.heard: dict[str, float] = {}
        # Not later than the first host is due.
        self._due_at = math.inf

    def hear(self, host_id: str, now: float) -> None:
        self.heard[host_id] = now
        self._due_at = min(self._due_at, now + self._patience_s)

    def forget(self, host_id: str) -> None:
        self.heard.pop(host_id, None)

    def silent(self, now: float, asked: Callable[[str], bool]) -> list[str]:
        """The hosts to ask now; those that are ``asked`` already are not among them."""
        if now < self._due_at:
            return []
        waiting = {host: at for host, at in self.heard.items() if not asked(host)}
        found = [host for host, at in waiting.items() if now - at >= self._patience_s]
        later = (at for host, at in waiting.items() if now - at < self._patience_s)
        self._due_at = min(later, default=math.inf) + self._patience_s
        return found

    def next_time(self) -> float | None:
        """When to look again, if any host is waited for."""
        return self._due_at if self._due_at < math.inf else None
