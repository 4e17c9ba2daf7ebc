"""Who wants to hear that something changed."""

from __future__ import annotations

import logging
from collections.abc import Callable

__all__ = ["Watchers"]

log = logging.getLogger(__name__)


class Watchers:
    """Callbacks of ``subject``, told in order; one that fails disturbs nobody."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._callbacks: list[Callable[[], None]] = []

    def add(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` after each change, until the returned function is called."""
        self._callbacks.append(callback)

        def remove() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return remove

    def tell(self) -> None:
        for callback in list(self._callbacks):
            try:
                callback()
            except Exception:
                log.exception("a watcher of %s failed", self._subject)
