"""What a verb is: a row of the table, and what its handler is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.notebook.session import Session

__all__ = ["Argument", "Body", "Call", "Many", "Option", "Verb"]


class Many(Enum):
    """How often an argument may stand on the line."""

    ONE = ""
    MAYBE = "?"
    ANY = "*"
    SOME = "+"


class Body(Enum):
    """Whether a verb takes the body of a ``%%wasmcloud`` cell."""

    NONE = "none"
    MAY = "may"
    MUST = "must"


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional argument. ``choices`` are all allowed words, ``complete`` a kind of id."""

    name: str
    help: str = ""
    many: Many = Many.ONE
    choices: tuple[str, ...] = ()
    complete: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """``--name VALUE``, or a switch when ``value`` is empty. ``repeat`` collects a list."""

    name: str
    help: str = ""
    value: str = ""
    short: str = ""
    default: Any = None
    repeat: bool = False
    number: type[int] | type[float] | None = None
    complete: str = ""

    @property
    def key(self) -> str:
        return self.name.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a verb: its words by name, its options, and the cell's body."""

    verb: Verb
    words: Mapping[str, Any]
    options: Mapping[str, Any]
    body: str | None = None

    def __getitem__(self, name: str) -> Any:
        return self.words[name] if name in self.words else self.options[name]


Handler = Callable[["Session", Call], Any]


@dataclass(frozen=True, slots=True)
class Verb:
    """A row of the table. What ``handler`` returns is the value of the magic."""

    name: str
    help: str
    handler: Handler
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    body: Body = Body.NONE
    examples: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    group: str = field(default="")

    @property
    def usage(self) -> str:
        """The line as one would write it."""
        parts = [self.name, *(_shape(argument) for argument in self.arguments)]
        parts += [_option_shape(option) for option in self.options]
        sign = "%%wasmcloud" if self.body is Body.MUST else "%wasmcloud"
        return " ".join([sign, *parts])


def _shape(argument: Argument) -> str:
    name = "|".join(argument.choices) if argument.choices else argument.name.upper()
    return {
        Many.ONE: name,
        Many.MAYBE: f"[{name}]",
        Many.ANY: f"[{name}…]",
        Many.SOME: f"{name}…",
    }[argument.many]


def _option_shape(option: Option) -> str:
    text = f"--{option.name} {option.value}".strip()
    return f"[{text}]{'…' if option.repeat else ''}"
