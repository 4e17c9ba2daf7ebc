"""Tab completion of lines, without a lattice."""

from __future__ import annotations

from typing import Any

import pytest
from IPython.core.completer import CompletionContext

from workbench.notebook.completion import complete, matcher
from workbench.notebook.session import Session


@pytest.fixture
def session() -> Session:
    class Shell:
        user_ns: dict[str, Any] = {}  # noqa: RUF012

    return Session(Shell())  # pyright: ignore[reportArgumentType]


def test_verbs_come_first(session: Session) -> None:
    fragment, words = complete(session, "de")
    assert (fragment, words) == ("de", ["deploy"])
    assert {"up", "graph", "help"} <= set(complete(session, "")[1])


def test_choices_of_an_argument(session: Session) -> None:
    assert complete(session, "get co")[1] == ["components", "configs"]
    assert complete(session, "help inv")[1] == ["inventory", "invoke"]


def test_options_of_a_verb(session: Session) -> None:
    assert complete(session, "up --h")[1] == ["--hosts"]
    assert complete(session, "component x --lang ")[1] == ["js", "python", "wat"]
    assert "hello" in complete(session, "component x --world ")[1]


def test_nothing_is_offered_where_nothing_is_known(session: Session) -> None:
    assert complete(session, "scale ")[1] == []
    assert complete(session, "nonsense ")[1] == []
    assert complete(session, "status x")[1] == []


def test_the_matcher_speaks_only_inside_the_magic(session: Session) -> None:
    match = matcher(session)

    def at(line: str) -> Any:
        return match(CompletionContext(line, line, len(line), 0, limit=None))

    assert at("x = wasm")["completions"] == []
    found = at("%wasmcloud get pro")
    assert [c.text for c in found["completions"]] == ["providers"]
    assert found["matched_fragment"] == "pro" and found["suppress"] is True
    assert [c.text for c in at("x = %wasmcloud stat")["completions"]] == ["status"]
    assert [c.text for c in at("%%wasmcloud depl")["completions"]] == ["deploy"]
