"""The labels of a host and the one rule by which constraints match them."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping

from workbench.wire.control import matches_constraints

__all__ = ["PROTECTED_PREFIX", "Labels", "built_in_labels"]

PROTECTED_PREFIX = "hostcore."

_ARCH = {"amd64": "x86_64", "arm64": "aarch64"}
_OS = {"darwin": "macos", "win32": "windows", "cygwin": "windows"}


def built_in_labels() -> dict[str, str]:
    """``hostcore.*`` with the names that Rust gives architectures and systems."""
    machine = platform.machine().lower()
    system = _OS.get(sys.platform, sys.platform)
    return {
        "hostcore.arch": _ARCH.get(machine, machine),
        "hostcore.os": system,
        "hostcore.osfamily": "windows" if system == "windows" else "unix",
    }


class Labels:
    """Current labels; user labels given at start override even the built-in ones (§10)."""

    def __init__(self, user: Mapping[str, str] | None = None) -> None:
        self._labels: dict[str, str] = {**built_in_labels(), **(user or {})}

    def __repr__(self) -> str:
        return f"Labels({self._labels!r})"

    def as_dict(self) -> dict[str, str]:
        return dict(self._labels)

    def put(self, key: str, value: str) -> None:
        self._labels[key] = value

    def delete(self, key: str) -> bool:
        """Whether there was such a label."""
        return self._labels.pop(key, None) is not None

    def match(self, constraints: Mapping[str, str]) -> bool:
        """Whether every constraint is a label with exactly that value; none match everything."""
        return matches_constraints(self._labels, constraints)

    @staticmethod
    def is_protected(key: str) -> bool:
        """Whether ``label.put`` refuses the key (control-interface.md §10.1)."""
        return key.lower().startswith(PROTECTED_PREFIX)
