"""The class of record values: one for each type, whatever was forgotten meanwhile."""

from __future__ import annotations

import gc

from workbench.wire.wit import by_type
from workbench.wire.wit.types import U8, Record
from workbench.wire.wit.values import record_class


def test_a_class_that_is_held_stays_the_one_of_its_type() -> None:
    """A decoder from before and an encoder from after the table was full speak of one class."""
    held = record_class(Record("point", (("x", U8),)))
    for number in range(by_type._CACHE_SIZE + 1):
        record_class(Record(f"filler-{number}", (("x", U8),)))
    gc.collect()
    assert record_class(Record("point", (("x", U8),))) is held
