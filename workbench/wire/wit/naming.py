"""Names as people write them: other spellings, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

from workbench.wire.wit.values import attribute_name

__all__ = ["closest", "name_table"]

# Comparing costs some 40 µs a name; a stranger may declare any number.
_COMPARED = 1000


def closest(name: str, names: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where one of ``names`` is near, else nothing."""
    near = difflib.get_close_matches(name, islice(names, _COMPARED), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def name_table(names: Iterable[str]) -> dict[str, str]:
    """Every spelling that stands for a WIT name: kebab, snake, and the Python attribute."""
    table = {name: name for name in names}
    for name in list(table):
        table.setdefault(name.replace("-", "_"), name)
        table.setdefault(attribute_name(name), name)
    return table
