"""Recorded messages of the real programs, reduced to what tests use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def lines(name: str) -> list[dict[str, Any]]:
    """The JSON objects of one file, in order."""
    with (FOLDER / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def control_plane(kind: str) -> list[Any]:
    """Recorded ``request``, ``reply``, ``event``, ``entry`` or ``resolved`` messages."""
    return [line for line in lines("control-plane.jsonl") if line["kind"] == kind]
