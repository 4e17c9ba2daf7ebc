"""The verb that shows what components wrote."""

from __future__ import annotations

import difflib

from workbench.errors import NotFound, UsageError
from workbench.notebook.display.logs import LogList
from workbench.notebook.session import Session
from workbench.notebook.verbs.model import Argument, Call, Many, Option, Verb

__all__ = ["VERBS"]


def logs(session: Session, call: Call) -> LogList:
    if call["last"] < 1:
        raise UsageError("--last wants 1 or more", hint="such as --last 20")
    wanted = call["id"]
    heard = session.log.lines(wanted)
    if wanted is not None and not heard:
        others = sorted({one.line.component_id for one in session.log.lines()})
        raise NotFound(
            f"{wanted!r} has written nothing",
            hint=f"heard of: {', '.join(others)}" if others else "nor has any other component",
            matches=difflib.get_close_matches(wanted, others, n=3),
        )
    return LogList(heard[-call["last"] :])


VERBS = (
    Verb(
        "logs",
        "what components on hosts of this kernel printed and logged",
        logs,
        (Argument("id", "of this component only", Many.MAYBE, complete="component"),),
        (Option("last", "how many of the newest", "N", default=100, number=int),),
        examples=("%wasmcloud logs", "%wasmcloud logs hello --last 20"),
    ),
)
