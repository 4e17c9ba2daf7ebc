"""Stories: lines with cause, outcome and times, that read aloud."""

from __future__ import annotations

from workbench.wadm.story import Story, StoryLine


def test_a_line_is_opened_and_closed_once() -> None:
    story = Story("app")
    token = story.tell(10.0, "c", "start it", "nothing runs")
    story.close(token, 10.5, "running")
    story.close(token, 99.0, "again")
    (line,) = story
    assert (line.outcome, line.took_s) == ("running", 0.5)
    assert str(line).endswith("c: start it, because nothing runs → running after 500 ms")


def test_the_oldest_lines_fall_out_and_closing_them_is_no_error() -> None:
    story = Story("app", kept=3)
    tokens = [story.tell(float(n), "", f"line {n}") for n in range(5)]
    story.close(tokens[0], 9.0, "late")
    assert [line.what for line in story] == ["line 2", "line 3", "line 4"]
    assert len(story) == 3


def test_a_fact_is_over_at_once() -> None:
    story = Story("app")
    story.tell(1.0, "", "undeploy", outcome="done")
    (line,) = story
    assert line.took_s == 0.0
    assert str(line).endswith("undeploy → done")
    assert StoryLine(0.0, "a", "", "x").took_s is None
