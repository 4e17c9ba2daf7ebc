"""Python values into canonical values, and the places that errors name."""

from __future__ import annotations

import asyncio
from collections import namedtuple
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings

from tests.strategies_wit import typed_values
from workbench.errors import ValueMismatch
from workbench.wire.wit.coerce import coerce, coerce_args, parse_argument
from workbench.wire.wit.types import (
    BOOL,
    CHAR,
    F32,
    F64,
    S8,
    STRING,
    U8,
    U32,
    U64,
    Enum,
    Flags,
    Function,
    Future,
    List,
    Option,
    Own,
    Record,
    ResourceType,
    Result,
    Stream,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Case, Err, Handle, Ok, Some, record_class

PERSON = Record(
    "person",
    (("name", STRING), ("age", U8), ("tags", List(STRING)), ("e-mail", Option(STRING))),
)
SHAPE = Variant("shape", (("dot", None), ("circle", F64), ("named", STRING)))
COLOR = Enum("color", ("red", "dark-green"))
PERMS = Flags("perms", ("read", "write"))
DESCRIBE = Function("describe", (("p", PERSON), ("loud", Option(BOOL))), STRING)
ADA = {"name": "Ada", "age": 36, "tags": ["x"]}


def mismatch(type: Type, value: Any, path: str = "") -> ValueMismatch:
    with pytest.raises(ValueMismatch) as caught:
        coerce(type, value, path)
    return caught.value


@settings(deadline=None, max_examples=40)
@given(typed_values(handles=True))
def test_a_canonical_value_stays_what_it_is(drawn: tuple[Type, Any]) -> None:
    type, value = drawn
    assert coerce(type, value) == value


@pytest.mark.parametrize(
    ("type", "given_", "canonical"),
    [
        (F64, 3, 3.0),
        (F32, 0.1, 0.10000000149011612),
        (List(U8), bytearray(b"ab"), b"ab"),
        (List(U8), memoryview(b"ab"), b"ab"),
        (List(U8), [1, 2], b"\x01\x02"),
        (List(U32), (1, 2), [1, 2]),
        (List(U32), range(3), [0, 1, 2]),
        (List(F64), [1.5, 2], [1.5, 2.0]),
        (List(F64), (1.5, 2.5), [1.5, 2.5]),
        (List(U32), [], []),
        (Tuple((U8, STRING)), [1, "a"], (1, "a")),
        (SHAPE, "dot", Case("dot")),
        (SHAPE, {"circle": 2}, Case("circle", 2.0)),
        (COLOR, "dark_green", "dark-green"),
        (PERMS, ["read"], frozenset({"read"})),
        (Option(U8), None, None),
        (Option(Option(U8)), Some(None), Some(None)),
        (Result(U8, STRING), {"err": "no"}, Err("no")),
        (Result(), Ok(), Ok()),
        (Own(ResourceType("r")), b"id", Handle(b"id")),
        (Stream(U8), b"abc", b"abc"),
        (Stream(U32), [1, 2], [1, 2]),
        (Future(U8), 7, 7),
    ],
)
def test_near_values_become_canonical(type: Type, given_: Any, canonical: Any) -> None:
    assert coerce(type, given_) == canonical


def test_a_record_comes_from_mappings_dataclasses_and_named_tuples() -> None:
    @dataclass
    class Person:
        name: str
        age: int
        tags: list[str]
        e_mail: str | None = None

    wanted = record_class(PERSON)("Ada", 36, ["x"], None)
    assert coerce(PERSON, ADA) == wanted
    assert coerce(PERSON, MappingProxyType(ADA)) == wanted
    assert coerce(PERSON, {**ADA, "e_mail": None}) == wanted
    assert coerce(PERSON, {**ADA, "e-mail": None}) == wanted
    assert coerce(PERSON, Person("Ada", 36, ["x"])) == wanted
    assert coerce(PERSON, namedtuple("P", "name age tags")("Ada", 36, ["x"])) == wanted


def test_a_mismatch_names_path_expected_type_and_what_came() -> None:
    fault = mismatch(PERSON, {**ADA, "tags": ["a", "b", "c", 7]}, "p")
    assert (fault.path, fault.expected, fault.got) == ("p.tags[3]", "string", "7 (int)")
    assert fault.message == "p.tags[3]: expected string, got 7 (int)"


@pytest.mark.parametrize(
    ("type", "value", "words"),
    [
        (U8, 256, "u8 holds 0 to 255"),
        (S8, -129, "s8 holds -128 to 127"),
        (U8, True, "expected u8, got True (bool)"),
        (U8, 1.0, "expected u8, got 1.0 (float)"),
        (U64, 10**200, "a number of 665 bits"),
        (BOOL, 1, "expected bool, got 1 (int)"),
        (F32, 1e39, "no f32 is that large"),
        (F64, 10**400, "no f64 is that large"),
        (F64, "1", "expected f64, got '1' (str)"),
        (CHAR, "ab", "a char is one code point, not 2"),
        (CHAR, "\ud800", "a surrogate is no char"),
        (STRING, "a\udc00", "lone surrogate"),
        (STRING, b"x", "expected string, got b'x' (bytes)"),
        (List(U8), "text", "text is not bytes"),
        (List(U8), [1, 300], "[1]: expected u8, got 300 (int)"),
        (List(U32), [1, 2**32], "[1]: expected u32, got 4294967296 (int)"),
        (List(U32), [1, True], "[1]: expected u32, got True (bool)"),
        (List(F64), [1.0, "x"], "[1]: expected f64, got 'x' (str)"),
        (List(STRING), "abc", "expected list<string>, got 'abc' (str)"),
        (Tuple((U8, U8)), (1,), "it has 2 items, not 1"),
        (PERSON, {"name": "A", "age": 1}, "the field 'tags' is missing"),
        (PERSON, {**ADA, "nam": 1}, "there is no field 'nam'; did you mean 'name'?"),
        (PERSON, {**ADA, "nam": 1}, "its fields: name, age, tags, e-mail"),
        (PERSON, {**ADA, "e-mail": None, "e_mail": None}, "given twice"),
        (PERSON, 5, "a record is a mapping or an object with its fields"),
        (SHAPE, "circel", "there is no case 'circel'; did you mean 'circle'?"),
        (SHAPE, "circle", "the case 'circle' needs a payload"),
        (SHAPE, Case("circle", "x"), "circle: expected f64, got 'x' (str)"),
        (SHAPE, {"dot": 1}, "'dot' of variant shape"),
        (COLOR, "rod", "expected enum color { red, dark-green }"),
        (PERMS, "read", "flags are a set or list of names"),
        (PERMS, ["exec"], "there is no flag 'exec'"),
        (Option(Option(U8)), 1, "the outer option is None or Some(…)"),
        (Result(U8), 1, "a result is Ok(…) or Err(…)"),
        (Result(U8, U8), Err(300), "err: expected u8, got 300 (int)"),
        (Result(None, U8), Ok(1), "has no payload"),
        (Own(ResourceType("door")), "x", "expected a handle of door"),
        (Stream(U8), 1, "a stream is bytes, a list or an (async) iterator"),
    ],
)
def test_what_does_not_fit_is_told_in_words(type: Type, value: Any, words: str) -> None:
    assert words in str(mismatch(type, value))


def test_a_huge_or_hostile_value_is_shown_short() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError

    assert len(mismatch(U8, "x" * 10**6).message) < 200
    assert len(mismatch(U8, list(range(10**6))).message) < 200
    assert "<Hostile without repr> (Hostile)" in mismatch(U8, Hostile()).message
    wide = Enum("wide", tuple(f"case-{n}" for n in range(500)))
    assert "… 488 more" in mismatch(wide, 1).message


def test_a_fault_deep_inside_costs_one_walk() -> None:
    type: Type = U8
    value: Any = "no"
    for _ in range(60):
        type, value = List(type), [value]
    fault = mismatch(type, value, "p")
    assert fault.path == "p" + "[0]" * 60


def test_a_type_that_nests_too_deeply_is_refused() -> None:
    type: Type = STRING
    for _ in range(100):
        type = List(type)
    assert "at most 64 levels" in mismatch(type, []).message


def test_live_streams_and_futures_pass_through() -> None:
    async def source() -> Any:
        yield b"x"

    async def later() -> int:
        return 1

    stream, future = source(), later()
    assert coerce(Stream(U8), stream) is stream
    assert coerce(Future(U8), future) is future
    asyncio.run(future)


def test_a_host_object_passes_as_a_handle() -> None:
    door = object()
    assert coerce(Own(ResourceType("door")), door) is door


# -- arguments --------------------------------------------------------------------------------


def test_arguments_come_by_position_or_by_name() -> None:
    ada = coerce(PERSON, ADA)
    assert coerce_args(DESCRIBE, [ADA]) == (ada, None)
    assert coerce_args(DESCRIBE, [ADA, True]) == (ada, True)
    assert coerce_args(DESCRIBE, [], {"p": ADA, "loud": False}) == (ada, False)
    assert coerce_args(DESCRIBE, [ADA], {"loud": True}) == (ada, True)


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ([], {}, "describe misses p"),
        ([1, 2, 3], {}, "describe takes 2 arguments, got 3"),
        ([ADA], {"lowd": True}, "has no parameter 'lowd'; did you mean 'loud'?"),
        ([ADA], {"p": ADA}, "got 'p' twice"),
        ([{**ADA, "age": -1}], {}, "p.age: expected u8, got -1 (int)"),
        ([], {"p": ADA, "loud": 1}, "loud: expected bool, got 1 (int)"),
    ],
)
def test_wrong_arguments_name_the_parameter(args: Any, kwargs: Any, words: str) -> None:
    with pytest.raises(ValueMismatch) as caught:
        coerce_args(DESCRIBE, args, kwargs)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        (STRING, "hello world", "hello world"),
        (STRING, '"hello"', "hello"),
        (STRING, "42", "42"),
        (STRING, "{not json", "{not json"),
        (U8, "42", 42),
        (CHAR, "x", "x"),
        (CHAR, "'x'", "x"),
        (COLOR, "red", "red"),
        (SHAPE, "dot", Case("dot")),
        (SHAPE, "circle(2.5)", Case("circle", 2.5)),
        (SHAPE, '{"circle": 2.5}', Case("circle", 2.5)),
        (Option(STRING), "none", None),
        (Option(STRING), "text", "text"),
        (Option(U8), "some(3)", 3),
        (Option(U8), "null", None),
        (List(STRING), '["a"]', ["a"]),
        (PERMS, "{read}", frozenset({"read"})),
        (PERMS, '["read"]', frozenset({"read"})),
        (Result(U8, STRING), 'err("no")', Err("no")),
        (BOOL, "true", True),
    ],
)
def test_an_argument_is_json_wave_or_a_bare_word(type: Type, text: str, value: Any) -> None:
    assert parse_argument(type, text) == value


def test_a_typed_record_may_be_json_or_wave() -> None:
    ada = coerce(PERSON, ADA)
    assert parse_argument(PERSON, '{"name": "Ada", "age": 36, "tags": ["x"]}') == ada
    assert parse_argument(PERSON, '{name: "Ada", age: 36, tags: ["x"]}') == ada


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"name": "A", "age": 300, "tags": []}', "p.age: expected u8, got 300 (int)"),
        ('{name: "A", age: 300, tags: []}', "p.age: expected u8, got 300 (int)"),
        ("{name", "p: expected record person"),
        ("[" * 100_000, "p: expected record person"),
        ("9" * 100_000, "p: expected record person"),
        ("", "p: expected record person"),
    ],
)
def test_a_wrong_argument_names_the_place(text: str, words: str) -> None:
    with pytest.raises(ValueMismatch) as caught:
        parse_argument(PERSON, text, "p")
    assert words in caught.value.message
