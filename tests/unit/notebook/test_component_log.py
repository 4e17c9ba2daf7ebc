"""What components write: kept, and shown under the cell during which it came."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from workbench.errors import Trap
from workbench.host.host import to_python_log
from workbench.host.options import LogLine
from workbench.notebook import component_log
from workbench.notebook.component_log import ComponentLog
from workbench.notebook.display.logs import LogList

TRACE = f"00-{'ab' * 16}-{'cd' * 8}-01"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []
    monkeypatch.setattr(component_log, "display", made.append)
    return made


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    yield InteractiveShell()
    InteractiveShell.clear_instance()


@pytest.fixture
def log(shell: InteractiveShell) -> Iterator[ComponentLog]:
    opened = ComponentLog(shell)
    opened.open()
    yield opened
    opened.close()


def write(text: str, stream: str = "stdout", component: str = "hello", **more: Any) -> None:
    to_python_log(LogLine(component, "info", text, stream=stream, traceparent=TRACE, **more))


def run(
    shell: InteractiveShell, error: BaseException | None = None, *lines: tuple[str, str]
) -> None:
    shell.events.trigger("pre_run_cell", None)
    for stream, text in lines:
        write(text, stream)
    shell.events.trigger("post_run_cell", SimpleNamespace(error_in_exec=error))


def test_lines_of_a_cell_are_shown_when_it_has_run(
    shell: InteractiveShell, log: ComponentLog, shown: list[Any]
) -> None:
    write("before")
    run(shell, None, ("stdout", "one"), ("stderr", "two"), ("host", "hello failed"))
    run(shell)
    (only,) = shown
    assert only.text == "hello stdout │ one\nhello stderr │ two"
    assert [one.line.message for one in log.lines()] == ["before", "one", "two", "hello failed"]
    assert log.lines("other") == []


def test_what_an_error_tells_itself_is_not_shown_twice(
    shell: InteractiveShell, log: ComponentLog, shown: list[Any]
) -> None:
    error = Trap("hello.f trapped", stderr=["KeyError: 'x'"])
    run(shell, error, ("stdout", "one"), ("stderr", "Traceback"), ("stderr", "KeyError: 'x'"))
    assert shown[0].text == "hello stdout │ one"


def test_a_flood_is_cut_off_and_counted(
    shell: InteractiveShell, log: ComponentLog, shown: list[Any]
) -> None:
    run(shell, None, *[("stdout", str(number)) for number in range(component_log.KEPT + 10)])
    lines = shown[0].text.split("\n")
    assert len(lines) == component_log.SHOWN + 1
    assert (
        lines[-1]
        == f"… {component_log.KEPT + 10 - component_log.SHOWN} more lines: `%wasmcloud logs`"
    )
    assert len(log.lines()) == component_log.KEPT


def test_text_of_a_component_stays_text(
    shell: InteractiveShell, log: ComponentLog, shown: list[Any]
) -> None:
    run(shell, None, ("stdout", "<b>\x1b[2J</b>\u202e"))
    html = str(shown[0].html)
    assert "<b>" not in html and "&lt;b&gt;" in html and "\x1b" not in html and "\u202e" not in html


def test_the_list_names_time_and_invocation(log: ComponentLog) -> None:
    write("one")
    to_python_log(LogLine("hello", "warn", "slow", context="db", traceparent=TRACE))
    text = repr(LogList(log.lines()))
    assert " abababab hello stdout │ one\n" in text and "hello warn db │ slow" in text
    assert "abababab" in LogList(log.lines())._repr_html_()
    assert repr(LogList([])) == "no component has written anything yet"


def test_a_closed_log_leaves_the_logger_as_it_was(shell: InteractiveShell) -> None:
    logger = logging.getLogger(component_log.LOGGER)
    before = (logger.level, list(logger.handlers))
    opened = ComponentLog(shell)
    opened.open()
    opened.close()
    assert (logger.level, list(logger.handlers)) == before


def test_how_a_host_compiles_is_no_line_of_the_component(log: ComponentLog) -> None:
    to_python_log(LogLine("hello", "debug", "compiling (3.0 s)", stream="host"))
    to_python_log(LogLine("hello", "error", "it failed", stream="host"))
    assert [one.line.message for one in log.lines()] == ["it failed"]


def test_the_python_log_names_component_and_invocation(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger=component_log.LOGGER):
        write("one")
    assert caplog.messages == [f"hello {'ab' * 16} stdout: one"]
