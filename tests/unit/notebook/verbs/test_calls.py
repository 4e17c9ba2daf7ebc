"""How the arguments of an invocation may be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from workbench.errors import UsageError, ValueMismatch, WitSyntaxError
from workbench.notebook.verbs.calls import VERBS, _arguments
from workbench.notebook.verbs.model import Call
from workbench.wire.wit.types import STRING, U8, Function, List, Option, Record
from workbench.wire.wit.values import RecordValue

PERSON = Record("person", (("name", STRING), ("tags", List(STRING))))
DESCRIBE = Function("describe", (("p", PERSON),), STRING)
ADD = Function("add", (("a", U8), ("b", Option(U8))), U8)


def arguments(
    function: Function, *words: str, body: str | None = None, parenthesized: str = ""
) -> Sequence[Any]:
    call = Call(VERBS[0], {"args": list(words)}, {}, body)
    found = _arguments(function, call, parenthesized)
    return [tuple(one) if isinstance(one, RecordValue) else one for one in found]


@pytest.mark.parametrize(
    "body",
    [
        '{name: "Ada", tags: ["no", "12:30"]}',
        '{"name": "Ada", "tags": ["no", "12:30"]}',
        "name: Ada\ntags: [no, 12:30]",
        "p:\n  name: Ada\n  tags: [no, 12:30]",
    ],
    ids=["WAVE", "JSON", "YAML", "by name"],
)
def test_one_argument_may_be_the_whole_body(body: str) -> None:
    assert arguments(DESCRIBE, body=body) == [("Ada", ["no", "12:30"])]


@pytest.mark.parametrize("body", ["(1, 2)", "(1, some(2),) // sum", "[1, 2]", "a: 1\nb: 2"])
def test_several_arguments_may_be_the_body(body: str) -> None:
    assert arguments(ADD, body=body) == [1, 2]


def test_arguments_may_stand_behind_the_function_as_in_a_call() -> None:
    assert arguments(ADD, parenthesized="(1)") == [1, None]
    assert arguments(DESCRIBE, parenthesized='({name: "Ada", tags: []})') == [("Ada", [])]


def test_arguments_stand_in_one_place() -> None:
    for body, parenthesized in (("2", ""), (None, "(1)")):
        with pytest.raises(UsageError, match="in more than one place"):
            arguments(ADD, "1", body=body, parenthesized=parenthesized)


def test_a_wrong_value_is_told_by_its_path() -> None:
    for body in ("name: Ada\ntags: [a, b, c, 3]", "p: {name: Ada, tags: [a, b, c, 3]}"):
        with pytest.raises(ValueMismatch) as caught:
            arguments(DESCRIBE, body=body)
        assert caught.value.message == "p.tags[3]: expected string, got 3 (int)"


def test_a_body_that_says_a_thing_twice_is_refused_with_its_line() -> None:
    with pytest.raises(WitSyntaxError, match="line 2: the key 'a' comes twice"):
        arguments(ADD, body="a: 1\na: 2")
