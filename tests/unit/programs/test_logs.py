"""Log lines on stderr: plain and JSON, and levels by part."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from workbench.programs.logs import log_to_stderr


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    names = ("workbench", "workbench.wadm", "workbench.nats")
    before = [(logging.getLogger(n), logging.getLogger(n).level) for n in names]
    root = logging.getLogger("workbench")
    handlers, propagate = list(root.handlers), root.propagate
    yield
    root.handlers, root.propagate = handlers, propagate
    for logger, level in before:
        logger.setLevel(level)


def test_structured_lines_are_one_json_object_each(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(structured=True)
    try:
        raise ValueError("x\ny")
    except ValueError:
        logging.getLogger("workbench.wadm.service").exception("failed with %s", "ü")
    logging.getLogger("workbench.wadm").warning("two\nlines")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first["fields"]["message"] == "failed with ü"
    assert "ValueError" in first["fields"]["error"]
    assert (first["level"], first["target"]) == ("ERROR", "workbench.wadm.service")
    assert (second["level"], second["fields"]) == ("WARN", {"message": "two\nlines"})
    assert second["timestamp"].endswith("Z")


def test_plain_lines_have_time_level_and_part(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()
    logging.getLogger("workbench.wadm").info("hello")
    logging.getLogger("workbench.wadm").debug("not this")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("Z  INFO workbench.wadm: hello")


@pytest.mark.parametrize(
    ("text", "wadm", "nats"),
    [
        ("warn", logging.WARNING, logging.WARNING),
        ("info,wadm=debug", logging.DEBUG, logging.INFO),
        ("error,wadm::workers=trace,async_nats=off", 5, logging.CRITICAL + 1),
        ("wadm", 5, logging.INFO),
        ("hyper=trace, ,nonsense,=,wadm=loud", logging.INFO, logging.INFO),
    ],
)
def test_levels_are_those_of_rust_log(text: str, wadm: int, nats: int) -> None:
    log_to_stderr(filter_text=text)
    assert logging.getLogger("workbench.wadm").getEffectiveLevel() == wadm
    assert logging.getLogger("workbench.nats").getEffectiveLevel() == nats
