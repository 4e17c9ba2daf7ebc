"""The WIT block of a cell."""

from __future__ import annotations

import pytest

from workbench.authoring.cells import split_cell
from workbench.errors import UsageError

CELL = '''# my greeter

"""wit
package demo:greet;
world greet { }
"""
def greet(): ...
'''


def test_a_leading_string_that_starts_with_wit_is_the_wit_of_the_cell():
    cell = split_cell(CELL)
    assert cell.source == CELL
    assert cell.wit is not None
    assert cell.wit.strip() == "package demo:greet;\nworld greet { }"


def test_a_line_of_the_wit_block_has_the_number_it_has_in_the_cell():
    wit = split_cell(CELL).wit
    assert wit is not None
    assert wit.split("\n").index("package demo:greet;") == CELL.split("\n").index(
        "package demo:greet;"
    )


@pytest.mark.parametrize(
    "source",
    [
        "def handle(request): ...",
        '"""A docstring about wit."""\n',
        'x = 1\n"""wit\nworld w {}\n"""\n',
        '"""with\nworld w {}\n"""\n',
    ],
)
def test_any_other_cell_has_no_wit(source: str):
    assert split_cell(source).wit is None


def test_a_wat_cell_carries_its_wit_in_a_block_comment():
    cell = split_cell(";; hi\n(;wit\nworld w { }\n;)\n(component)", lang="wat")
    assert cell.wit is not None
    assert cell.wit.strip() == "world w { }"


def test_a_block_without_an_end_says_where_it_starts():
    with pytest.raises(UsageError) as caught:
        split_cell('\n"""wit\nworld w { }\n')
    assert caught.value.fields["line"] == 2
