"""The one place where HTML is made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import workbench.notebook
from workbench.notebook.display.html import element
from workbench.notebook.display.shown import bdi, card, facts, table

HOSTILE = '<img src=x onerror="alert(1)">\u202egnp.exe\u0000\n</pre><script>alert(2)</script>'


def test_text_is_escaped_wherever_it_stands() -> None:
    html = str(
        card(HOSTILE, facts([(HOSTILE, HOSTILE)]), table([HOSTILE], [[HOSTILE]]), kind=HOSTILE)
    )
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z]+)", html))
    assert tags <= {
        "div",
        "span",
        "dl",
        "dt",
        "dd",
        "bdi",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert "<img" not in html
    assert "&lt;img" in html


@given(st.text(), st.text())
def test_no_text_gets_out_of_its_element_or_attribute(child: str, value: str) -> None:
    html = str(element("p", child, title=value))
    inner = re.fullmatch(r'<p title="([^"<>]*)">([^<>]*)</p>', html, re.DOTALL)
    assert inner is not None


def test_only_known_elements_and_attributes_are_made() -> None:
    with pytest.raises(ValueError, match="script"):
        element("script", "x")
    with pytest.raises(ValueError, match="onclick"):
        element("div", onclick="x")
    with pytest.raises(KeyError):
        element("div", style="color:red")


def test_a_link_keeps_only_harmless_schemes() -> None:
    assert "href" not in str(element("a", "x", href="javascript:alert(1)"))
    assert 'href="http://127.0.0.1:80/"' in str(element("a", "x", href="http://127.0.0.1:80/"))


def test_foreign_text_is_isolated_and_its_hidden_characters_are_seen() -> None:
    html = str(bdi("abc\u202edef\u200b\x07"))
    assert html == "<bdi>abc\\u202edef\\u200b\\u0007</bdi>"


def test_long_text_is_cut_and_says_so() -> None:
    assert "(9800 more)" in str(bdi("x" * 10_000))


def test_html_is_made_nowhere_else() -> None:
    """No module of the room but html.py writes a tag into a string."""
    room = Path(workbench.notebook.__file__).parent
    found = [
        (path.name, line)
        for path in room.rglob("*.py")
        if path.name not in ("html.py", "export.py")
        for line in path.read_text().splitlines()
        if re.search(r"""["']\s*</?(?:div|span|p|b|table|tr|td|pre|a|img|style|script)\b""", line)
    ]
    assert found == []
