"""Applications before and after: what a deployment would change, how versions differ, and why
things came to be as they are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from workbench.notebook.display.html import Element, element
from workbench.notebook.display.listing import TONE
from workbench.notebook.display.shown import Shown, badge, bdi, card
from workbench.notebook.display.text import plural, visible

if TYPE_CHECKING:
    from workbench.wadm import StoryLine
    from workbench.wadm.preview import Change, Preview

__all__ = ["diff_card", "preview_card", "story_card"]

_MOST_LINES = 2000
_SIGN = {"Put": "+", "Start": "+", "Delete": "−", "Stop": "−", "Scale": "~"}
_SIGN_TONE = {"+": "good", "−": "bad", "~": "busy", "-": "bad", "@": "quiet"}


def preview_card(found: Preview) -> Shown:
    """The changes that a deployment would make, each with its reason, and how it would end."""
    name = visible(found.name, 80)
    count = plural(len(found.changes), "change") if found.changes else "nothing to change"
    ends = found.status
    note = f"It would end {ends.type}" + (f": {ends.message}" if ends.message else "")
    replaced = f"in place of version {found.replaces}" if found.replaces else "not deployed so far"
    steps = [
        element(
            "li",
            _sign(_sign_of(change)),
            element(
                "span",
                element("strong", bdi(change.what, 300)),
                element("div", f"{visible(change.about, 120)}: ", bdi(change.why, 300),
                        style="quiet small"),
                style="grow",
            ),
            style="step",
            data_change=type(change.command).__name__,
        )
        for change in found.changes
    ]  # fmt: skip
    html = card(
        element("span", "Deploying ", bdi(found.name, 80), " would"),
        element("div", visible(replaced, 120), style="quiet small"),
        element("ul", steps, style="steps"),
        element("div", visible(note, 400), style="note small"),
        mark=badge(count, TONE.get(str(ends.type), "quiet")),
        kind="preview",
    )
    lines = [f"Deploying {name} ({replaced}): {count}"]
    lines += [f"  {_sign_of(c)} {visible(c.what, 300)}, because {visible(c.why, 300)}"
              for c in found.changes]  # fmt: skip
    return Shown(html, "\n".join([*lines, visible(note, 400)]))


def _sign_of(change: Change) -> str:
    if getattr(change.command, "count", 1) == 0:
        return "−"
    kind = type(change.command).__name__
    return next((sign for verb, sign in _SIGN.items() if kind.startswith(verb)), "~")


def _sign(sign: str) -> Element:
    return element("span", sign, style=f"mark tone-{_SIGN_TONE[sign]}")


def diff_card(name: str, old: tuple[str, str], new: tuple[str, str]) -> Shown:
    """How two versions of a manifest differ; each is its version and its text."""
    before, after = (text.splitlines() for _, text in (old, new))
    lines = list(difflib.unified_diff(before, after, old[0], new[0], lineterm=""))[:_MOST_LINES]
    title = f"{visible(name, 80)}: {visible(old[0], 40)} → {visible(new[0], 40)}"
    if not lines:
        same = "the versions have the same content"
        return Shown(card(title, element("div", same, style="quiet"), kind="diff"), same)
    rows = [
        element("div", visible(line, 500) or " ", style=f"tone-{_SIGN_TONE[line[0]]}")
        if line[:1] in _SIGN_TONE
        else element("div", visible(line, 500) or " ")
        for line in lines[2:]
    ]
    added, removed = (sum(line[0] == sign for line in lines[2:] if line) for sign in "+-")
    html = card(
        title,
        element("div", rows, style="block"),
        mark=badge(f"+{added} −{removed}", "busy"),
        kind="diff",
        wide=True,
    )
    return Shown(html, "\n".join(visible(line, 500) for line in lines))


def story_card(name: str, story: Sequence[StoryLine]) -> Shown:
    """What the manager decided about an application and why, oldest first."""
    rows = [
        element(
            "li",
            element("span", str(line)[:12], style="quiet mono"),
            element("span", *_told(line), style="grow"),
            style="step",
        )
        for line in story
    ]
    mark = badge(plural(len(story), "decision"), "quiet")
    html = card(
        f"Story of {visible(name, 80)}", element("ul", rows, style="steps"), mark=mark, kind="story"
    )
    return Shown(html, _text(f"Story of {name}", map(str, story)))


def _told(line: StoryLine) -> list[Any]:
    about = f"{line.about}: " if line.about else ""
    parts: list[Any] = [element("strong", bdi(f"{about}{line.what}", 300))]
    if line.cause:
        parts.append(element("div", "because ", bdi(line.cause, 300), style="quiet small"))
    if line.outcome:
        tone = "tone-bad" if line.outcome.startswith("failed") else "tone-good"
        parts.append(element("div", "→ ", bdi(line.outcome, 300), style=f"small {tone}"))
    return parts


def _text(title: str, lines: Iterable[str]) -> str:
    return "\n".join([visible(title, 100), *(f"  {visible(line, 700)}" for line in lines)])
