"""Plain text for people: one line, no control characters, a sensible length."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["columns", "duration", "plural", "size", "visible"]

LONGEST = 200
# Control characters, and the format characters that reorder or hide text (bidi, zero width, BOM).
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: object, limit: int = LONGEST) -> str:
    """``text`` on one line; what can't be seen is written as an escape, the rest is cut off."""
    cut = str(text)
    left_out = len(cut) - limit
    if left_out > 0:
        cut = cut[:limit]
    seen = _UNSEEN.sub(lambda m: _SHORT.get(m[0], f"\\u{ord(m[0]):04x}"), cut)
    return f"{seen}… ({left_out} more)" if left_out > 0 else seen


def duration(seconds: float) -> str:
    """``820 µs``, ``4.2 ms``, ``1.3 s``, ``2 min 5 s``."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min"


def size(count: int) -> str:
    """``512 B``, ``18.4 MB`` (decimal units)."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def plural(count: int, noun: str) -> str:
    """``1 host``, ``2 hosts``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def columns(head: Sequence[str], rows: Iterable[Sequence[object]], *, widest: int = 60) -> str:
    """Rows as aligned text under underlined heads."""
    cells = [list(head), *([visible(value, widest) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = [
        "  ".join(v.ljust(w) for v, w in zip(row, widths, strict=True)).rstrip() for row in cells
    ]
    lines.insert(1, "  ".join("─" * w for w in widths))
    return "\n".join(lines)
