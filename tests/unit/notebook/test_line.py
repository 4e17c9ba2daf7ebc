"""Words of a magic line."""

from __future__ import annotations

import pytest

from workbench.errors import UsageError
from workbench.notebook.line import split_line


def texts(line: str) -> list[str]:
    return [word.text for word in split_line(line)]


def test_words_are_split_at_blanks() -> None:
    assert texts("  link put  a b\twasi:http/incoming-handler ") == [
        "link",
        "put",
        "a",
        "b",
        "wasi:http/incoming-handler",
    ]


def test_quotes_keep_a_word_together_and_vanish() -> None:
    assert texts("""start 'a b' "c \\" d" e'f g'""") == ["start", "a b", 'c " d', "ef g"]


def test_an_empty_quoted_word_is_a_word() -> None:
    assert texts("x '' y") == ["x", "", "y"]


def test_json_stands_on_a_line_without_quotes() -> None:
    line = 'describe {"name": "Ada } Lovelace", "tags": ["x", "y"]} 7'
    assert texts(line) == [
        "describe",
        '{"name": "Ada } Lovelace", "tags": ["x", "y"]}',
        "7",
    ]


def test_wave_records_lists_and_tuples_stay_whole() -> None:
    assert texts("f {name: \"Ada\", at: (1, 2)} [1, 2] (true, 'x')") == [
        "f",
        '{name: "Ada", at: (1, 2)}',
        "[1, 2]",
        "(true, 'x')",
    ]


@pytest.mark.parametrize("line", ["f {a: 1", "f 'x", 'f "', "f [(1]"])
def test_what_is_left_open_is_said(line: str) -> None:
    with pytest.raises(UsageError, match="left open"):
        split_line(line)


def test_completion_reads_what_is_left_open() -> None:
    assert [w.text for w in split_line("f {a: 1", lenient=True)] == ["f", "{a: 1"]


def test_a_bare_dollar_word_names_a_variable() -> None:
    word, quoted, price = split_line("$tags '$tags' $5")
    assert (word.variable, quoted.variable, price.variable) == ("tags", "", "")
