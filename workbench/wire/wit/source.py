"""Source text: positions, excerpts, and the tokens of WIT.

One compiled regular expression cuts the whole text into tokens at once; the parser then
walks two lists. Everything that does not lex is a `WitSyntaxError` with line and column.

Source: component-model WIT.md, "Lexical structure".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from workbench.errors import WitResolveError, WitSyntaxError

__all__ = ["MOST_TEXT", "Source", "Token", "kebab_fault", "lex"]

Token = tuple[str, str, int]
"""(kind, text, offset); the kind of punctuation is the punctuation itself."""

# The kinds that come most often stand first.
_TOKENS = re.compile(
    r"""[ \t\r\n]*(?:
      (?P<id>%?[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*)
    | (?P<punctuation>->|[{}()<>,:;=.*@_]|/(?![/*]))
    | (?P<version>\d+\.\d+\.\d+
        (?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)
    | (?P<integer>\d+)
    | (?P<doc>///[^\n]*)
    | (?P<comment>//[^\n]*)
    | (?P<block>/\*)
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.ASCII,
)
_SPACE = re.compile(r"[ \t\r\n]*")
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_WORD = re.compile(r"[a-z][a-z0-9]*|[A-Z][A-Z0-9]*")
_LATER_WORD = re.compile(r"[a-z0-9]+|[A-Z0-9]+")
# Direction overrides, control codes and code points that Unicode discourages make a text read
# differently than it parses (WIT.md, "Lexical structure").
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
    "\u0149\u0673\u0f77\u0f79\u17a3\u17a4\u17b4\u17b5]"
)
# All of WASI is 160 kB; a text of this size takes about a second.
MOST_TEXT = 2_097_152


@dataclass(slots=True)
class Source:
    """One text and where it came from."""

    text: str
    path: str = "<wit>"
    tokens: list[Token] = field(default_factory=list)
    docs: dict[int, str] = field(default_factory=dict)
    """Doc comments by the index of the token they stand before."""

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of ``offset``, both from 1."""
        offset = min(max(offset, 0), len(self.text))
        line = self.text.count("\n", 0, offset) + 1
        return line, offset - (self.text.rfind("\n", 0, offset) + 1) + 1

    def excerpt(self, offset: int) -> str:
        """The line at ``offset`` with a caret below it."""
        line, column = self.place(offset)
        text = self.text.split("\n", line)[line - 1].rstrip("\r").replace("\t", " ")
        # A minified text may be one line; forty characters either side show the place.
        start = max(0, column - 41)
        shown = "".join(c if c.isprintable() else "\ufffd" for c in text[start : start + 80])
        gutter = f"{line:>4} | "
        return f"{gutter}{shown}\n{' ' * (len(gutter) - 2)}| {' ' * (column - 1 - start)}^"

    def _fault(
        self,
        kind: type[WitSyntaxError] | type[WitResolveError],
        message: str,
        offset: int,
        hint: str,
    ) -> NoReturn:
        line, column = self.place(offset)
        shown = self.excerpt(offset)
        raise kind(
            f"{self.path}:{line}:{column}: {message}",
            hint=f"{shown}\n{hint}" if hint else shown,
            line=line,
            column=column,
            path=self.path,
            reason=message,
        )

    def syntax_fault(self, message: str, offset: int, hint: str = "") -> NoReturn:
        """Raise `WitSyntaxError` that points at ``offset``."""
        self._fault(WitSyntaxError, message, offset, hint)

    def resolve_fault(self, message: str, offset: int, hint: str = "") -> NoReturn:
        """Raise `WitResolveError` that points at ``offset``."""
        self._fault(WitResolveError, message, offset, hint)


def lex(text: str, path: str = "<wit>") -> Source:
    """The tokens of ``text``, with an end token, and its doc comments."""
    source = Source(text, path)
    if len(text) > MOST_TEXT:
        source.syntax_fault(f"the text has more than {MOST_TEXT} characters", 0)
    hidden = _HIDDEN.search(text)
    if hidden is not None:
        source.syntax_fault(f"the character U+{ord(hidden[0]):04X} hides text", hidden.start())
    tokens, match = source.tokens, _TOKENS.match
    pending: list[str] = []
    # A byte order mark is left over from a file that was read as plain UTF-8.
    position, end = int(text.startswith("\ufeff")), len(text)
    while position < end:
        found = match(text, position)
        if found is None:
            position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
            source.syntax_fault(f"unexpected character {text[position]!r}", position)
        kind = found.lastgroup or ""
        word = found[kind]
        position = found.end()
        start = position - len(word)
        if kind == "id" or kind == "punctuation" or kind == "version" or kind == "integer":
            if pending:
                source.docs[len(tokens)] = "\n".join(pending)
                pending = []
            tokens.append((word if kind == "punctuation" else kind, word, start))
        elif kind == "doc":
            pending.append(word[3:].strip())
        elif kind == "block":
            position = _block_end(source, start)
            if text.startswith("/**", start) and position - start > 4:
                pending.append(_block_doc(text[start + 3 : position - 2]))
    tokens.append(("end", "", end))
    return source


def _block_end(source: Source, start: int) -> int:
    depth = 0
    for edge in _BLOCK_EDGE.finditer(source.text, start):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    source.syntax_fault("this comment has no end", start)


def _block_doc(body: str) -> str:
    lines = [line.strip().removeprefix("*").strip() for line in body.strip().splitlines()]
    return "\n".join(lines)


def kebab_fault(name: str) -> str | None:
    """Why ``name`` is no WIT name, or None: words of one case, joined by ``-``."""
    first, *rest = name.split("-")
    if _WORD.fullmatch(first) is None:
        return f"{first!r} is not all lower case or all upper case"
    for word in rest:
        if _LATER_WORD.fullmatch(word) is None:
            return f"{word!r} is not all lower case or all upper case"
    return None
