"""What a guest writes when nobody asked for its lines: it appears where Python's output does."""

from __future__ import annotations

import re
import sys
from collections import deque
from typing import Any

from workbench.wasm.store import STDERR_LINES

__all__ = ["Printed"]

# Whatever a terminal or a notebook would obey; a tab is only a distance.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Printed:
    """Prints lines of stdout and stderr as they come.

    The last lines of stderr are held back until the end: those before a trap belong to the trap,
    which tells them, and would stand there twice.
    """

    def __init__(self) -> None:
        self._held: deque[str] = deque()

    def __call__(self, stream: str, line: str, ctx: Any) -> None:
        shown = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line)
        if stream == "stdout":
            print(shown)
            return
        self._held.append(shown)
        if len(self._held) > STDERR_LINES:
            print(self._held.popleft(), file=sys.stderr)

    def close(self, *, trapped: bool) -> None:
        """Print what was held back, unless a trap has it."""
        while self._held:
            line = self._held.popleft()
            if not trapped:
                print(line, file=sys.stderr)
