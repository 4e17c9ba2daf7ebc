"""Words of a magic line: quotes as in a shell, and brackets that keep JSON and WAVE together.

    invoke greeter demo:greet/greeter.describe {"name": "Ada", "tags": ["x"]}
    invoke greeter demo:greet/greeter.describe '{"name": "Ada"}' $tags

A word that begins with a bracket goes on to the bracket that closes it, quotes inside stay as
they are. A word that is ``$name`` stands for the variable of the notebook, and so does ``{name}``
where there is such a variable: that is how IPython's own magics write it.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import UsageError

__all__ = ["Word", "split_line"]

_CLOSING = {"{": "}", "[": "]", "(": ")"}


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its text without quotes, where it starts, and how it was written."""

    text: str
    start: int
    end: int
    quoted: bool = False
    closed: bool = True

    @property
    def variable(self) -> str:
        """The name in ``$name``, else ``""``."""
        bare = self.text.startswith("$") and self.text[1:].isidentifier() and not self.quoted
        return self.text[1:] if bare else ""

    @property
    def braced(self) -> str:
        """The name in ``{name}``, else ``""``; to WAVE this may also be a set of flags."""
        inner = self.text[1:-1]
        return inner if self.text == f"{{{inner}}}" and inner.isidentifier() else ""


def split_line(line: str, *, lenient: bool = False) -> list[Word]:
    """The words of a line. Raises `UsageError` on what is left open, unless ``lenient``."""
    words: list[Word] = []
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        word = _bracketed(line, at) if line[at] in _CLOSING else _plain(line, at)
        if not word.closed and not lenient:
            raise UsageError(
                f"something is left open in {line[at:]!r}",
                hint="close the quote or bracket, or put the value into the cell's body",
            )
        words.append(word)
        at = word.end
    return words


def _bracketed(line: str, start: int) -> Word:
    waiting: list[str] = []
    quote = ""
    at = start
    while at < len(line):
        char = line[at]
        at += 1
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char in _CLOSING:
            waiting.append(_CLOSING[char])
        elif waiting and char == waiting[-1]:
            waiting.pop()
            if not waiting:
                break
    end = min(at, len(line))
    return Word(line[start:end], start, end, quoted=True, closed=not waiting and not quote)


def _plain(line: str, start: int) -> Word:
    text: list[str] = []
    quote = ""
    quoted = False
    at = start
    while at < len(line):
        char = line[at]
        if quote:
            if char == quote:
                quote = ""
            elif char == "\\" and quote == '"' and line[at + 1 : at + 2] in ('"', "\\"):
                at += 1
                text.append(line[at])
            else:
                text.append(char)
        elif char in "\"'":
            quote, quoted = char, True
        elif char.isspace():
            break
        else:
            text.append(char)
        at += 1
    return Word("".join(text), start, at, quoted=quoted, closed=not quote)
