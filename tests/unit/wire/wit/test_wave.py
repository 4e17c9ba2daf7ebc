"""WAVE text, read and printed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies_wit import typed_values, types
from workbench.errors import ValueMismatch, WitSyntaxError
from workbench.wire.wit.types import (
    BOOL,
    CHAR,
    F32,
    F64,
    S32,
    STRING,
    U8,
    U32,
    Enum,
    Flags,
    Function,
    List,
    Option,
    Record,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Case, Err, Ok, Some, record_class
from workbench.wire.wit.wave import parse_wave, parse_wave_arguments, print_wave

PERSON = Record("person", (("name", STRING), ("age", U8), ("email", Option(STRING))))
MAYBE = Variant("maybe", (("none", None), ("ok", U8)))


@settings(deadline=None, max_examples=40)
@given(typed_values())
def test_every_value_reads_back_from_its_print(drawn: tuple[Type, Any]) -> None:
    type, value = drawn
    assert parse_wave(type, print_wave(type, value)) == value


@settings(deadline=None, max_examples=40)
@given(types(), st.text(alphabet="{}[]()<>,:\"'\\%/ \nabnoksmerinftu0123.-eu{}", max_size=30))
def test_any_text_is_a_value_or_a_local_error(type: Type, text: str) -> None:
    try:
        parse_wave(type, text)
    except (WitSyntaxError, ValueMismatch):
        return


@pytest.mark.parametrize(
    ("type", "value", "text"),
    [
        (S32, -5, "-5"),
        (BOOL, True, "true"),
        (F32, 0.10000000149011612, "0.1"),
        (F64, 0.1, "0.1"),
        (F64, -math.inf, "-inf"),
        (CHAR, "'", r"'\''"),
        (CHAR, "\u202e", r"'\u{202e}'"),
        (STRING, 'a"b\\\n', r'"a\"b\\\n"'),
        (STRING, "é\u0000", r'"é\u{0}"'),
        (List(U8), b"\x01\xff", "[1, 255]"),
        (List(STRING), [], "[]"),
        (Tuple((U8, STRING)), (1, "a"), '(1, "a")'),
        (PERSON, record_class(PERSON)("Ada", 36, None), '{name: "Ada", age: 36, email: none}'),
        (Flags("f", ("a", "b")), frozenset("ba"), "{a, b}"),
        (Enum("e", ("none", "x")), "none", "%none"),
        (MAYBE, Case("none"), "%none"),
        (MAYBE, Case("ok", 1), "%ok(1)"),
        (Option(Option(U8)), Some(None), "some(none)"),
        (Option(Option(U8)), Some(3), "some(some(3))"),
        (Result(None, STRING), Ok(), "ok"),
        (Result(U8, STRING), Err("no"), 'err("no")'),
    ],
)
def test_forms(type: Type, value: Any, text: str) -> None:
    assert print_wave(type, value) == text
    assert parse_wave(type, text) == value


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        (PERSON, '{ age: 36, name: "Ada", } // a comment', ("Ada", 36, None)),
        (PERSON, '{name: "Ada", age: 36, email: "a@b"}', ("Ada", 36, "a@b")),
        (Option(U8), "7", 7),
        (Result(U8, STRING), "7", Ok(7)),
        (List(U8), '"hé"', "hé".encode()),
        (List(U32), "[\n1,\n2,\n]", [1, 2]),
        (STRING, '"""\n  two\n    lines\n  """', "two\n  lines"),
        (F64, "1e3", 1000.0),
        (F64, "-0", -0.0),
    ],
)
def test_looser_forms_are_read(type: Type, text: str, value: Any) -> None:
    read = parse_wave(type, text)
    assert (tuple(read) if isinstance(type, Record) else read) == value


@pytest.mark.parametrize(
    ("type", "text", "words"),
    [
        (U8, "256", "u8 holds 0 to 255"),
        (U8, "1.5", "an integer has no fraction"),
        (F64, "1e999", "no f64 is that large"),
        (List(U8), "[1, 256]", "[1]: expected u8"),
        (PERSON, '{name: "A", age: 1, nam: 2}', "no field 'nam'; did you mean 'name'?"),
        (PERSON, '{name: "A"}', "the field 'age' is missing"),
        (PERSON, '{name: "A", name: "B"}', "given twice"),
        (MAYBE, "ko", "there is no case 'ko'"),
        (Stream(U8), "x", "it has no text form"),
    ],
)
def test_text_that_does_not_fit_is_a_mismatch(type: Type, text: str, words: str) -> None:
    with pytest.raises(ValueMismatch) as caught:
        parse_wave(type, text)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("type", "text", "words"),
    [
        (U8, "", "<wave>:1:1: expected u8, found the end"),
        (U8, "1 2", "<wave>:1:3: expected the end of the value, found '2'"),
        (U8, "1\u0660", "expected the end of the value"),
        (U8, "9" * 1000, "no u8 has that many digits"),
        (STRING, '"abc', "this text has no closing quote"),
        (STRING, r'"\u{d800}"', "U+D800 is no character"),
        (STRING, r'"\x"', "an escape is"),
        (STRING, '"""\n  a\n', 'this text has no closing """'),
        (List(U8), "[1", "expected ']' of list<u8>, found the end"),
        (Tuple((U8, U8)), "(1)", "expected ',' (tuple<u8, u8> has 2 items), found ')'"),
        (Option(Option(U8)), "1", "expected some(…) or none"),
        (Result(), "1", "expected ok or err"),
    ],
)
def test_text_that_is_no_wave_points_at_the_place(type: Type, text: str, words: str) -> None:
    with pytest.raises(WitSyntaxError) as caught:
        parse_wave(type, text)
    assert words in caught.value.message


def test_a_limit_cuts_the_print_and_the_work() -> None:
    assert print_wave(STRING, "abcdef", limit=4) == '"abc…'
    assert print_wave(List(U8), bytes(10**7), limit=10) == "[0, 0, 0, …"
    assert print_wave(List(U32), range(10**9), limit=10) == "[0, 1, 2, …"  # type: ignore[arg-type]


def test_what_has_no_text_form_shows_as_its_type() -> None:
    assert print_wave(Tuple((U8, Stream(U8))), (1, object())) == "(1, <stream<u8>>)"


def test_a_type_that_nests_too_deeply_is_refused() -> None:
    type: Type = U8
    for _ in range(100):
        type = List(type)
    with pytest.raises(WitSyntaxError, match="deeper than 64 levels"):
        parse_wave(type, "[" * 100 + "1" + "]" * 100)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"""\n"""', ""),
        ('"""\n\n"""', ""),
        ('"""\r\na\r\n\r\nb\r\n"""', "a\n\nb"),
        ('"""\n    deep\n  shallow\n\n  """', "  deep\nshallow\n"),
        ('"""\na ""\\"" \\\\ \\t \\u{2603} \\r\n"""', 'a """" \\ \t \u2603 \r'),
        ('"""\n\ta\\n\n"""', "\ta\n"),
    ],
)
def test_multi_line_strings_are_dedented_and_unescaped(text: str, value: str) -> None:
    assert parse_wave(STRING, text) == value
    assert parse_wave(Tuple((STRING, U8)), f"({text}, 1)") == (value, 1)


@pytest.mark.parametrize(
    "text",
    [
        '""""""',
        '""" """',
        '"""a\n"""',
        '"""\na"""',
        '"""\n  x """ y\n  """',
        '"""\nx \\"""\n"""',
        '"""\n""""',
        '"""\n\\j\n"""',
        '"""\n\\u{d800}\n"""',
        '"""\n  a\n b\n  """',
        '"""\n\t"""',
        '"a\nb"',
        '"\\',
        '"\\u{110000}"',
        '"\\u{}"',
        "'",
        "'a",
    ],
)
def test_faulty_quoting_is_refused(text: str) -> None:
    with pytest.raises(WitSyntaxError):
        parse_wave(CHAR if text[0] == "'" else STRING, text)


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        (List(U8), "[]", b""),
        (List(U32), "[ 1,2 , // two\n 3,]", [1, 2, 3]),
        (List(S32), "[-1, 0, -0]", [-1, 0, 0]),
        (List(List(U8)), "[[1], [], [2, 3,]]", [b"\x01", b"", b"\x02\x03"]),
    ],
)
def test_lists_of_integers_read_as_any_list_does(type: Type, text: str, value: Any) -> None:
    assert parse_wave(type, text) == value


@pytest.mark.parametrize(
    "text", ["[01]", "[1,,2]", "[,]", "[1 2]", "[--1]", "[1-2]", "[- 1]", "[1", "[1]]", "[0x1]"]
)
def test_lists_of_integers_are_no_looser_than_single_ones(text: str) -> None:
    with pytest.raises(WitSyntaxError):
        parse_wave(List(S32), text)


def test_a_fault_in_a_list_of_integers_names_its_index() -> None:
    with pytest.raises(ValueMismatch) as caught:
        parse_wave(Tuple((List(U8),)), "([1, 2, 300])", "p")
    assert caught.value.path == "p[0][2]"


def test_a_flag_comes_once() -> None:
    with pytest.raises(ValueMismatch, match="the flag is given twice"):
        parse_wave(Flags("f", ("a", "b")), "{a, b, a}")


GREET = Function(
    "greet", (("p", PERSON), ("times", U8), ("tail", Option(STRING)), ("n", Option(U8)))
)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ('({name: "A", age: 1}, 3)', (3, None, None)),
        ('( {name: "A", age: 1}, 3, )', (3, None, None)),
        ('({name: "A", age: 1}, 3, none)', (3, None, None)),
        ('({name: "A", age: 1}, 3, "x", some(4)) // done', (3, "x", 4)),
    ],
)
def test_the_arguments_of_a_call_are_read_in_parentheses(text: str, rest: Any) -> None:
    person, *others = parse_wave_arguments(GREET, text)
    assert (person.name, tuple(others)) == ("A", rest)


def test_a_call_without_parameters_has_empty_parentheses() -> None:
    assert parse_wave_arguments(Function("f"), " ( ) ") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3", "expected '(' of the arguments of greet, found '3'"),
        ("()", "greet takes p: record person"),
        ('({name: "A", age: 1})', "greet takes times: u8 here too"),
        ('({name: "A", age: 1}, 1', "expected ',' or ')', found the end"),
        ('({name: "A", age: 1}, 1, none, 2, 3)', "greet takes 4 arguments"),
        ('({name: "A", age: 1} 1)', "greet takes times: u8 here too"),
        ('({name: "A", age: 1}, 1) x', "expected the end of the value"),
    ],
)
def test_wrong_argument_lists_point_at_the_place(text: str, words: str) -> None:
    with pytest.raises(WitSyntaxError) as caught:
        parse_wave_arguments(GREET, text)
    assert words in caught.value.message


def test_a_wrong_argument_is_named_with_its_parameter() -> None:
    with pytest.raises(ValueMismatch) as caught:
        parse_wave_arguments(GREET, '({name: "A", age: 300}, 1)')
    assert caught.value.message.startswith("p.age: expected u8, got 300 (int)")


@settings(deadline=None, max_examples=30)
@given(st.lists(typed_values(max_leaves=4), max_size=4))
def test_every_argument_list_reads_back(drawn: list[tuple[Type, Any]]) -> None:
    function = Function("f", tuple((f"p{i}", type) for i, (type, _) in enumerate(drawn)))
    text = ", ".join(print_wave(type, value) for type, value in drawn)
    assert parse_wave_arguments(function, f"({text})") == tuple(value for _, value in drawn)
