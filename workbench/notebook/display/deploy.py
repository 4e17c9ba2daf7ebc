"""A deployment as it becomes true: one line a part, ending at a badge."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workbench.notebook.display.html import Element, element
from workbench.notebook.display.listing import TONE
from workbench.notebook.display.shown import Shown, badge, bdi, card
from workbench.notebook.display.text import duration, visible

if TYPE_CHECKING:
    from workbench.wire.wadm import ScalerStatus, Status

__all__ = ["deploy_card"]

_MARK = {"good": "✓", "busy": "◌", "warn": "!", "bad": "✗", "quiet": "○"}
_KIND = {
    "SpreadScaler": "",
    "DaemonScaler": "on every host",
    "LinkScaler": "link",
    "ConfigScaler": "configuration",
    "SecretScaler": "secret",
    "Scaler": "part",
}


# How the manager names a link: wadm-api.md §4.3.
_LINK = re.compile(r"(.*) -\((.*)\)-> (.*)", re.DOTALL)


def deploy_card(
    name: str, status: Status | None, elapsed_s: float | None = None, *, ended: bool = False
) -> Shown:
    """The parts of an application with their states; ``status`` is ``None`` before the first.

    ``elapsed_s`` is left out where nothing was waited for.
    """
    kind = str(status.status.type) if status is not None else "waiting"
    tone = TONE.get(kind, "quiet")
    took = duration(elapsed_s) if elapsed_s is not None else ""
    word = f"Deployed in {took}" if kind == "deployed" and took else kind.capitalize()
    parts = tuple(status.scalers) if status is not None else ()
    waiting = None
    if not parts and not ended:
        waiting = element("div", f"handing it to the manager · {took}", style="quiet")
    elif kind != "deployed" and not ended:
        waiting = element("div", took, style="note small")
    html = card(
        element("span", "Application ", bdi(name, 80)),
        element("ul", [_step(part, name) for part in parts], style="steps"),
        waiting,
        mark=badge(word, tone),
        kind="deploy",
    )
    lines = [f"Application {visible(name, 80)}: {word}"]
    lines += [f"  {_mark(part)} {_title(part, name)}{_message(part)}" for part in parts]
    return Shown(html, "\n".join(lines))


def _step(part: ScalerStatus, app: str) -> Element:
    tone = TONE.get(str(part.status.type), "quiet")
    message = visible(part.status.message, 300)
    return element(
        "li",
        element("span", _MARK[tone], style=f"mark tone-{tone}"),
        element(
            "span",
            element("strong", bdi(_title(part, app))),
            element("span", f"  {_KIND.get(part.kind, part.kind)}", style="quiet small"),
            element("div", message, style="quiet small") if message else None,
            style="grow",
        ),
        element("span", visible(part.status.type, 40), style=f"small tone-{tone}"),
        style="step",
        data_part=visible(part.name, 80),
        data_state=str(part.status.type),
    )


def _title(part: ScalerStatus, app: str) -> str:
    # The manager puts the application's name before every id; here it would only repeat.
    prefix = app.replace("-", "_") + "-"
    name = part.name.replace(prefix, "")
    link = _LINK.fullmatch(name)
    return visible(f"{link[1]} → {link[3]} ({link[2]})" if link else name, 120)


def _mark(part: ScalerStatus) -> str:
    return _MARK[TONE.get(str(part.status.type), "quiet")]


def _message(part: ScalerStatus) -> str:
    return f": {visible(part.status.message, 300)}" if part.status.message else ""
