"""WIT values as YAML and JSON text."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies_wit import typed_values, types
from workbench.errors import ValueMismatch, WitSyntaxError
from workbench.wire.wit.coerce import to_json
from workbench.wire.wit.types import (
    BOOL,
    F64,
    STRING,
    U8,
    U64,
    Enum,
    List,
    Option,
    Record,
    Type,
    Variant,
)
from workbench.wire.wit.values import Case, record_class
from workbench.wire.wit.yaml_values import from_yaml, read_document, to_yaml

PERSON = Record("person", (("name", STRING), ("age", U8), ("tags", List(STRING))))


@settings(deadline=None, max_examples=60)
@given(typed_values(handles=True))
def test_every_value_survives_yaml_text(drawn: tuple[Type, Any]) -> None:
    type, value = drawn
    assert from_yaml(type, to_yaml(type, value)) == value


@settings(deadline=None, max_examples=30)
@given(typed_values())
def test_json_text_is_read_too(drawn: tuple[Type, Any]) -> None:
    type, value = drawn
    assert from_yaml(type, json.dumps(to_json(type, value))) == value


@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["no", "On", "~", "1e3", "0x1F", "12:30", "2024-01-01", "=", "<<", "- a", "a: b", ".inf", "&a", "*a",
     "'", "# x", "a #b", "\u2028", "\x85", "\ufeff", " a", "a ", "", "null", "NaN", "0o17", "1_000", "y"]
))  # fmt: skip
def test_any_text_stays_text_for_readers_of_either_yaml(text: str) -> None:
    written = to_yaml(List(STRING), [text])
    assert from_yaml(List(STRING), written) == [text]
    assert yaml.safe_load(written) == [text]


@pytest.mark.parametrize("nan", [math.nan, math.inf, -math.inf])
def test_floats_that_are_no_numbers_survive(nan: float) -> None:
    assert str(from_yaml(F64, to_yaml(F64, nan))) == str(nan)


def test_yaml_is_written_as_a_person_would() -> None:
    ada = record_class(PERSON)("Ada Lovelace", 36, ["x", "no"])
    assert to_yaml(PERSON, ada) == 'name: Ada Lovelace\nage: 36\ntags:\n- "x"\n- "no"\n'
    assert to_yaml(U8, 7) == "7\n"


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        (PERSON, "name: no\nage: 36\ntags: [on, 12:30]", ("no", 36, ["on", "12:30"])),
        (Enum("e", ("on", "off")), "on", "on"),
        (Option(STRING), "~", None),
        (Option(STRING), '"null"', "null"),
        (F64, "1e3", 1000.0),
        (F64, ".inf", math.inf),
        (U64, "18446744073709551615", 2**64 - 1),
        (U8, "0x10", 16),
        (BOOL, "true", True),
        (Variant("v", (("a", U8),)), "a: 1", Case("a", 1)),
        (STRING, r'"\ud83d\ude00"', "\U0001f600"),
        (List(U8), "&a [1, 2]", b"\x01\x02"),
        (List(List(STRING)), "[&a [x], *a]", [["x"], ["x"]]),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2(type: Type, text: str, value: Any) -> None:
    read = from_yaml(type, text)
    assert (tuple(read) if isinstance(type, Record) else read) == value


def test_a_value_that_does_not_fit_is_told_by_its_path() -> None:
    with pytest.raises(ValueMismatch) as caught:
        from_yaml(PERSON, "name: Ada\nage: 36\ntags: [a, b, c, 3]", "p")
    assert caught.value.message == "p.tags[3]: expected string, got 3 (int)"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2", 2, "the key 'a' comes twice"),
        ('{"a": 1, "a": 2}', 1, "the key 'a' comes twice"),
        ("a: [1, 2", 2, "not YAML"),
        ("a: 1\n---\nb: 2", 2, "more than one document"),
        ("*nobody", 1, "alias"),
        ("[" * 1000, 1, "nests deeper than 64"),
        ("? [a]\n: b", 1, "a key must be a plain word"),
        ("a: \x00", 1, "not YAML"),
        ("\ud800", 1, "not UTF-8"),
    ],
)
def test_text_that_is_no_document_points_at_the_place(text: str, line: int, words: str) -> None:
    with pytest.raises(WitSyntaxError) as caught:
        read_document(text)
    assert words in caught.value.message
    assert caught.value.line == line


def test_a_document_that_grows_by_its_aliases_is_refused() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 10}]\n" for n in range(1, 12))
    with pytest.raises(WitSyntaxError, match="more than 200000 values"):
        read_document(bomb)


@settings(deadline=None, max_examples=60)
@given(types(), st.text(alphabet="{}[]:,-\"' \nab01.&*!|>?~", max_size=30))
def test_any_text_is_a_value_or_a_local_error(type: Type, text: str) -> None:
    try:
        from_yaml(type, text)
    except (WitSyntaxError, ValueMismatch):
        return
