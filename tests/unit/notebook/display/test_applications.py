"""What a deployment would change, how versions differ, and why things came to be."""

from __future__ import annotations

from tests.unit.wadm.builders import app, component, hosts, scaler
from workbench.notebook.display.applications import diff_card, preview_card, story_card
from workbench.wadm import StoryLine
from workbench.wadm.preview import preview


def test_a_preview_lists_each_change_with_its_reason_and_its_end() -> None:
    shown = preview_card(preview(hosts(north="a"), app(component("c", scaler(2)))))
    assert shown.text == (
        "Deploying app (not deployed so far): 1 change\n"
        "  ~ run component app-c with 2 instance(s) on north, because 0 of 2 run in spread default\n"
        "It would end deployed"
    )
    assert 'data-change="ScaleComponent"' in str(shown.html)


def test_a_preview_without_changes_says_so() -> None:
    shown = preview_card(preview(hosts(north="a"), app(component("c", scaler(0)))))
    assert "nothing to change" in shown.text
    assert "nothing to change" in str(shown.html)


def test_foreign_text_in_a_preview_stays_text() -> None:
    name = "<img src=x onerror=alert(1)>"
    shown = preview_card(preview(hosts(north="a"), app(component(name, scaler(1), id=name))))
    assert "<img" not in str(shown.html)
    assert "&lt;img" in str(shown.html)


def test_a_diff_counts_the_lines_and_escapes_them() -> None:
    shown = diff_card("shop", ("v1", "a: 1\nb: <b>\n"), ("v2", "a: 2\nb: <b>\nc: 3\n"))
    assert shown.text.splitlines()[:2] == ["--- v1", "+++ v2"]
    assert "-a: 1" in shown.text and "+c: 3" in shown.text
    assert 'data-badge="+2 −1"' in str(shown.html)
    assert "&lt;b&gt;" in str(shown.html)


def test_equal_versions_are_said_to_be_equal() -> None:
    assert diff_card("shop", ("v1", "a: 1"), ("v2", "a: 1")).text == (
        "the versions have the same content"
    )


def test_a_story_tells_decision_cause_and_outcome() -> None:
    lines = [StoryLine(0.0, "shop", "c", "run it", "it is wanted", "failed: no\nroom", 0.5)]
    shown = story_card("shop", lines)
    assert "c: run it, because it is wanted → failed after 500 ms: no\\nroom" in shown.text
    assert "1 decision" in str(shown.html)
