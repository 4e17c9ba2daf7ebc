"""How a host words failures: the outermost text in replies, the whole chain in events."""

from __future__ import annotations

from workbench.errors import WorkbenchError

__all__ = ["StepFailed", "error_chain", "outermost"]


class StepFailed(WorkbenchError):
    """A step of a host operation failed; the cause is chained with ``from``."""


def outermost(error: BaseException) -> str:
    """The first text alone, as replies carry it (control-interface.md §2.5)."""
    if isinstance(error, WorkbenchError):
        return error.message
    if isinstance(error, OSError) and error.errno is not None:
        # Rust prints the number of the error behind its text.
        return f"{error.strerror} (os error {error.errno})"
    return str(error) or type(error).__name__


def error_chain(error: BaseException) -> str:
    """All texts from the outermost to the root cause, joined by ``": "``, as events carry them."""
    texts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        texts.append(outermost(current))
        current = current.__cause__
    return ": ".join(texts)
