"""Why things are as they are: each decision about an application, its cause and its outcome.

A line is opened when something is decided and closed when its outcome is known. Times come in from
outside, so a story can be tested and replayed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

__all__ = ["KEPT_LINES", "Story", "StoryLine"]

KEPT_LINES = 500


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One transition. Times are epoch seconds; ``outcome`` is empty while it is open.

    ``about`` names the part of the application, ``what`` the decision, ``cause`` why it was taken.
    """

    at: float
    app: str
    about: str
    what: str
    cause: str = ""
    outcome: str = ""
    ended_at: float | None = None

    @property
    def took_s(self) -> float | None:
        return None if self.ended_at is None else self.ended_at - self.at

    def __str__(self) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(self.at))
        text = f"{clock}.{int(self.at % 1 * 1000):03d}  "
        text += f"{self.about}: {self.what}" if self.about else self.what
        if self.cause:
            text += f", because {self.cause}"
        if self.outcome:
            took = f" after {_duration(self.took_s)}" if self.took_s else ""
            # "failed after 2 s: no such file", not the time behind a long reason.
            what, colon, why = self.outcome.partition(": ")
            text += f" → {what}{took}{colon}{why}"
        return text


def _duration(seconds: float | None) -> str:
    seconds = seconds or 0.0
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


class Story:
    """The last lines about one application, oldest first."""

    def __init__(self, app: str, kept: int = KEPT_LINES) -> None:
        self.app = app
        self._lines: deque[tuple[int, StoryLine]] = deque(maxlen=kept)
        self._next = 0

    def tell(self, at: float, about: str, what: str, cause: str = "", outcome: str = "") -> int:
        """Add a line; the returned token closes it."""
        self._next += 1
        ended = at if outcome else None
        line = StoryLine(at, self.app, about, what, cause, outcome, ended)
        self._lines.append((self._next, line))
        return self._next

    def close(self, token: int, at: float, outcome: str) -> None:
        """Say how the line of ``token`` ended; a line that fell out of the story is no error."""
        for index in range(len(self._lines) - 1, -1, -1):
            if self._lines[index][0] == token:
                line = self._lines[index][1]
                if not line.outcome:
                    self._lines[index] = (token, replace(line, outcome=outcome, ended_at=at))
                return

    def __iter__(self) -> Iterator[StoryLine]:
        return (line for _, line in self._lines)

    def __len__(self) -> int:
        return len(self._lines)
