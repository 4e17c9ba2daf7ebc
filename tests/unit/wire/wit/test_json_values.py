"""WIT values as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies_wit import typed_values, types
from workbench.errors import ValueMismatch
from workbench.wire.wit.coerce import from_json, to_json
from workbench.wire.wit.types import (
    F64,
    STRING,
    U8,
    U64,
    Borrow,
    Flags,
    Future,
    List,
    Option,
    Record,
    ResourceType,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Case, Err, Handle, Ok, Some, record_class

SHAPE = Variant("shape", (("dot", None), ("circle", F64)))
PAIR = Record("pair", (("left-side", U8), ("right-side", Option(STRING))))


@settings(deadline=None, max_examples=40)
@given(typed_values(handles=True))
def test_every_value_survives_json_text(drawn: tuple[Type, Any]) -> None:
    type, value = drawn
    text = json.dumps(to_json(type, value), allow_nan=False)
    assert from_json(type, json.loads(text)) == value


@settings(deadline=None, max_examples=40)
@given(
    types(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=5,
    ),
)
def test_any_document_fits_or_is_a_mismatch(type: Type, document: Any) -> None:
    try:
        from_json(type, document)
    except ValueMismatch as fault:
        assert fault.expected


@pytest.mark.parametrize(
    ("type", "value", "form"),
    [
        (List(U8), b"text\n", "text\n"),
        (List(U8), b"", ""),
        (List(U8), b"\x00\xff", {"$bytes": "AP8="}),
        (List(U8), b"\x1b[31m", {"$bytes": "G1szMW0="}),
        (SHAPE, Case("dot"), "dot"),
        (SHAPE, Case("circle", 1.5), {"circle": 1.5}),
        (PAIR, record_class(PAIR)(1, None), {"left-side": 1, "right-side": None}),
        (Flags("f", ("a", "b")), frozenset("b"), ["b"]),
        (Tuple((U8, STRING)), (1, "x"), [1, "x"]),
        (Option(Option(U8)), Some(None), {"some": None}),
        (Option(Option(U8)), None, None),
        (Result(U8, STRING), Ok(1), {"ok": 1}),
        (Result(None, STRING), Ok(), {"ok": None}),
        (Result(U8, STRING), Err("no"), {"err": "no"}),
        (F64, math.inf, "inf"),
        (U64, 2**64 - 1, 2**64 - 1),
        (Borrow(ResourceType("r")), Handle(b"\x01"), {"$handle": "AQ=="}),
        (Stream(STRING), ["a"], ["a"]),
    ],
)
def test_forms(type: Type, value: Any, form: Any) -> None:
    assert to_json(type, value) == form
    assert from_json(type, form) == value


def test_a_json_string_is_never_taken_for_base64() -> None:
    assert from_json(List(U8), "AP8=") == b"AP8="
    assert from_json(List(U8), [0, 255]) == b"\x00\xff"


def test_nan_travels_as_a_word() -> None:
    assert to_json(F64, math.nan) == "nan"
    assert math.isnan(from_json(F64, "nan"))


@pytest.mark.parametrize(
    ("type", "form", "words"),
    [
        (List(U8), {"$bytes": "%%"}, "$bytes is not base64"),
        (List(U8), {"bytes": ""}, 'bytes in JSON are text or {"$bytes": "base64"}'),
        (PAIR, {"left-side": 300}, "p.left-side: expected u8, got 300 (int)"),
        (PAIR, {"left_side": 1, "middle": 1}, "there is no field 'middle'"),
        (Result(U8), {"okay": 1}, "a result is Ok(…) or Err(…)"),
    ],
)
def test_what_does_not_fit_is_told_in_words(type: Type, form: Any, words: str) -> None:
    with pytest.raises(ValueMismatch) as caught:
        from_json(type, form, "p")
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("type", "value"),
    [(Future(U8), object()), (Stream(U8), iter([b""])), (Borrow(ResourceType("r")), object())],
)
def test_what_is_still_to_come_has_no_json_form(type: Type, value: Any) -> None:
    with pytest.raises(ValueMismatch, match="has no JSON form"):
        to_json(type, value)


def test_a_fault_in_writing_names_its_place() -> None:
    inner = Record("r", (("pair", Tuple((U8, Result(Stream(U8))))),))
    type = List(Option(Variant("v", (("some", inner),))))
    pending = record_class(inner)((1, Ok(iter([b""]))))
    with pytest.raises(ValueMismatch) as caught:
        to_json(type, [None, Case("some", pending)], "p")
    assert caught.value.path == "p[1].some.pair[1].ok"
