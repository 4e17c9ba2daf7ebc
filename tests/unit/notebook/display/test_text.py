"""Plain text for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.notebook.display.text import columns, duration, plural, size, visible


@given(st.text())
def test_visible_text_is_one_printable_line(text: str) -> None:
    shown = visible(text)
    assert "\n" not in shown
    assert not any(ord(c) < 32 or 0x202A <= ord(c) <= 0x202E for c in shown)
    shown.encode()  # no lone surrogate is left


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.000082, "82 µs"),
        (0.0042, "4.2 ms"),
        (1.34, "1.3 s"),
        (125, "2 min 5 s"),
        (7300, "2 h 2 min"),
    ],
)
def test_durations_have_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_sizes_and_counts_read_well() -> None:
    assert [size(512), size(18_400_000)] == ["512 B", "18.4 MB"]
    assert [plural(1, "host"), plural(2, "host")] == ["1 host", "2 hosts"]


def test_columns_line_up() -> None:
    lines = columns(("id", "status"), [("hello", "running"), ("a", "failed")]).split("\n")
    assert lines == [
        "id     status",
        "─────  ───────",
        "hello  running",
        "a      failed",
    ]
