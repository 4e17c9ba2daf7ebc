"""An HTTP answer that has been read to its end: what a person looks at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

__all__ = ["HttpReply"]


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An HTTP answer, read to its end."""

    status: int
    headers: list[tuple[str, bytes]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.body)
