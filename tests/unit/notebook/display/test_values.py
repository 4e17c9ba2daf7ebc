"""Values and HTTP answers in a cell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from workbench.notebook.display.values import http_html, http_text, value_html
from workbench.wire.wit.types import STRING, U8, List, Record
from workbench.wire.wit.values import Case, record_class


def reply(body: bytes, *headers: tuple[str, bytes], status: int = 200) -> Any:
    return SimpleNamespace(status=status, headers=list(headers), body=body)


def test_a_record_shows_its_fields_under_their_wit_names() -> None:
    person = record_class(Record("person", (("full-name", STRING), ("photo", List(U8)))))
    html = value_html(person("<b>Ada</b>", b"\x00" * 70_000))
    assert "person" in html and "full-name" in html
    assert "&lt;b&gt;Ada" in html and "<b>" not in html
    assert "70.0 kB" in html and len(html) < 4000


def test_deep_values_end_somewhere() -> None:
    value: Any = "x"
    for _ in range(100):
        value = Case("more", value)
    assert len(value_html(value)) < 20_000


def test_an_html_body_is_shown_as_text() -> None:
    answer = reply(b"<script>alert(1)</script>", ("content-type", b"text/html"))
    assert "<script>" not in http_html(answer)
    assert http_text(answer).endswith("<script>alert(1)</script>")


def test_json_is_laid_out_and_false_json_is_shown_as_it_came() -> None:
    assert '{\n  "a": 1\n}' in http_text(reply(b'{"a":1}', ("Content-Type", b"application/json")))
    assert "{oops" in http_text(reply(b"{oops", ("content-type", b"application/json")))


def test_binary_is_only_counted() -> None:
    assert "4 B that are no text" in http_text(reply(b"\xff\xfe\x00\x01"))


def test_a_long_body_is_cut() -> None:
    assert "980000 more characters" in http_text(reply(b"x" * 1_000_000))
