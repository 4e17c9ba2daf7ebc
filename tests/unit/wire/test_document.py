"""YAML and JSON text as a tree with places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import DecodeError, LimitExceeded, RemoteError
from workbench.wire.document import MAX_NODES, load_json, load_yaml, plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: yes", "yes"),
        ("a: 2024-01-01", "2024-01-01"),
        ("a: 12:30:45", "12:30:45"),
        ("a: 007", "007"),
        ("a: 0x10", 16),
        ("a: 1.0", 1.0),
        ("a: ~", None),
        ("a:", None),
        ("a: True", True),
        ('a: "1"', "1"),
        ("a: '~'", "~"),
        ("a: !!str 1", "1"),
        ("a: |\n  text\n", "text\n"),
        ("a: [1, {b: c}]", [1, {"b": "c"}]),
        ("a: &x {b: 1}\nc: *x", {"b": 1}),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    assert plain(load_yaml(text))["a"] == value


def test_every_value_knows_its_place_and_source_text() -> None:
    root = load_yaml("a:\n  b: 1.0\n  c:\n    - x\n    - port: 8080\n")
    node = root.find(("a", "c", 1, "port"))
    assert (node.line, node.column, node.raw) == (5, 13, "8080")
    assert root.find(("a", "b")).raw == "1.0"
    assert root.find(("a", "nothing", "below")).line == 2


def test_json_text_has_places_too() -> None:
    root = load_json('{"a":\n {"b": "1"}}')
    assert root.find(("a", "b")).line == 2
    assert root.find(("a", "b")).value == "1"


@pytest.mark.parametrize("load", [load_yaml, load_json])
def test_a_key_that_comes_twice_is_noted(load) -> None:
    root = load('{"a": 1, "a": 2}')
    assert [key for key, _, _ in root.doubled] == ["a"]
    assert plain(root) == {"a": 1}


def test_a_syntax_error_names_line_and_column() -> None:
    with pytest.raises(DecodeError) as caught:
        load_yaml("a: 1\nb: [")
    assert caught.value.fields["line"] >= 2
    with pytest.raises(DecodeError) as caught:
        load_json('{\n "a": ]')
    assert caught.value.fields["line"] == 2


@pytest.mark.parametrize("text", ["a: 1\n---\nb: 2\n", "a: *nobody", "a: &x [*x]", "? [a, b]\n: 1"])
def test_what_is_no_single_plain_document_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        load_yaml(text)


def test_deep_nesting_and_alias_bombs_end_at_a_limit() -> None:
    with pytest.raises(LimitExceeded):
        load_yaml("[" * 100 + "]" * 100)
    for load in (load_yaml, load_json):
        with pytest.raises(RemoteError):
            load("[" * 100_000)
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 9):
        below = ", ".join([f"*a{level - 1}"] * 10)
        bomb += f"a{level}: &a{level} [{below}]\n"
    assert MAX_NODES < 10**8
    with pytest.raises(LimitExceeded):
        load_yaml(bomb)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_read_or_raise_a_remote_error(data: bytes | str) -> None:
    for load in (load_yaml, load_json):
        try:
            plain(load(data))
        except RemoteError:
            continue
