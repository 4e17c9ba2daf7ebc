"""Log lines of our programs as the real ones write them: on stderr, plain or JSON, by RUST_LOG."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

__all__ = ["log_to_stderr"]

_LEVELS = {
    "off": logging.CRITICAL + 1,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": 5,
}
_NAMES = {logging.WARNING: "WARN", logging.CRITICAL: "ERROR"}
# What the real programs call a part, and what it is here.
_TARGETS = {"wadm": "workbench.wadm", "async_nats": "workbench.nats"}


def log_to_stderr(*, structured: bool = False, filter_text: str = "info") -> None:
    """Send the lines of the workbench to stderr.

    ``filter_text`` is what RUST_LOG says: a level, and levels of parts (``info,wadm=debug``); a
    part that is not known here is passed over.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Structured() if structured else _Plain())
    root = logging.getLogger("workbench")
    root.addHandler(handler)
    root.propagate = False
    for target, level in _directives(filter_text).items():
        logging.getLogger(target).setLevel(level)


def _directives(text: str) -> Mapping[str, int]:
    found = {"workbench": logging.INFO}
    for directive in filter(None, (part.strip() for part in text.split(","))):
        target, has_target, level = directive.rpartition("=")
        if not has_target and directive.lower() not in _LEVELS:
            target, level = directive, "trace"  # a part alone: everything of it
        name = _TARGETS.get(target.partition("::")[0], "") if target else "workbench"
        if name and level.strip().lower() in _LEVELS:
            found[name] = _LEVELS[level.strip().lower()]
    return found


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = _NAMES.get(record.levelno, record.levelname)
        text = f"{_time(record)} {level:>5} {record.name}: {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Structured(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {"message": record.getMessage()}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        line = {
            "timestamp": _time(record),
            "level": _NAMES.get(record.levelno, record.levelname),
            "fields": fields,
            "target": record.name,
        }
        return json.dumps(line, ensure_ascii=False)
