"""WAVE text: values as a person writes them, read and printed by their type.

    36   -1.5   nan   true   'x'   "text"   [1, 2]   (1, "a")   {name: "Ada", age: 36}
    circle(2.5)   red   {read, write}   some(1)   none   ok(1)   err("no")

As the specification has it, an option or result field may be written without ``some`` or
``ok``, option fields may be left out, and ``%none`` is a case named none. Beyond it, a string
literal stands for a ``list<u8>`` as in JSON. Handles, streams and futures print as
``<stream<u8>>`` and can't be read.

`parse_wave` raises `WitSyntaxError` where the text is no WAVE and `ValueMismatch` where it
does not fit the type.
"""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn

from workbench.wire.limits import DEFAULT_LIMITS
from workbench.wire.wit.mismatch import Mismatch, describe_type
from workbench.wire.wit.naming import closest
from workbench.wire.wit.python_values import PYTHON_RULES
from workbench.wire.wit.scalars import INTEGER_RANGES
from workbench.wire.wit.source import Source
from workbench.wire.wit.types import (
    STRING,
    U8,
    Enum,
    Flags,
    Function,
    List,
    Option,
    Prim,
    Record,
    Result,
    Tuple,
    Type,
    Variant,
)
from workbench.wire.wit.values import Case, Err, Ok, Some, record_class
from workbench.wire.wit.wave_text import print_wave

__all__ = ["parse_wave", "parse_wave_arguments", "print_wave"]

_SPACE = re.compile(r"(?:\s+|//[^\n]*)*", re.ASCII)
_WORD = re.compile(r"%?[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_PLAIN = re.compile(r"""[^"'\\\n]*""")
_BACKSLASH = re.compile(r"\\(?:([\"'\\tnr])|u\{([0-9A-Fa-f]{1,6})\}|)")
_BLOCK_START = re.compile(r'"""\r?\n')
# A list of plain integers as a whole, and what makes a JSON number of it invalid.
_INTEGERS = re.compile(r"\[([-0-9,\s]*)\]", re.ASCII)
_LEADING_ZERO = re.compile(r"(?<![0-9])0[0-9]")
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r"}
# The longest integer of any type has 20 digits; more are refused before they are read.
_DIGITS = 400


def parse_wave(type: Type, text: str, path: str = "") -> Any:
    """The canonical value that ``text`` stands for; the whole text must be one value."""
    reader = _Reader(text)
    try:
        value = reader.value(type, 0)
    except Mismatch as fault:
        fault.report(path)
    reader.end()
    return value


def parse_wave_arguments(function: Function, text: str) -> tuple[Any, ...]:
    """The arguments of one call as they stand in parentheses: ``(1, "x")``.

    Options at the end may be left out (WAVE, "Function arguments"). Errors name the parameter.
    """
    reader = _Reader(text)
    try:
        values = reader.arguments(function)
    except Mismatch as fault:
        fault.report("")
    reader.end()
    return values


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._source = Source(text, "<wave>")
        self._at = 0
        if len(text) > DEFAULT_LIMITS.text:
            self._fail(f"the text has more than {DEFAULT_LIMITS.text} characters")
        self._skip()

    # -- the cursor ---------------------------------------------------------------------------

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        if found is not None:
            self._at = found.end()

    def _fail(self, message: str, offset: int | None = None) -> NoReturn:
        self._source.syntax_fault(message, self._at if offset is None else offset)

    def _fail_expected(self, what: str) -> NoReturn:
        found = repr(self._text[self._at]) if self._at < len(self._text) else "the end"
        self._fail(f"expected {what}, found {found}")

    def end(self) -> None:
        if self._at < len(self._text):
            self._fail_expected("the end of the value")

    def _accept(self, literal: str) -> bool:
        if not self._text.startswith(literal, self._at):
            return False
        self._at += len(literal)
        self._skip()
        return True

    def _expect(self, literal: str, type: Type) -> None:
        if not self._accept(literal):
            self._fail_expected(f"{literal!r} of {describe_type(type)}")

    def _peek_word(self) -> str:
        found = _WORD.match(self._text, self._at)
        return found[0] if found is not None else ""

    def _word(self, type: Type) -> str:
        word = self._peek_word()
        if not word:
            self._fail_expected(describe_type(type))
        self._at += len(word)
        self._skip()
        return word

    def _name(self, type: Type) -> str:
        return self._word(type).removeprefix("%")

    def arguments(self, function: Function) -> tuple[Any, ...]:
        if not self._accept("("):
            self._fail_expected(f"'(' of the arguments of {function.name}")
        values: list[Any] = []
        more = True
        for name, type in function.params:
            if not more or self._text.startswith(")", self._at):
                if not isinstance(type, Option):
                    self._fail(f"{function.name} takes {name}: {describe_type(type)} here too")
                values.append(None)
                continue
            try:
                values.append(self.value(type, 0))
            except Mismatch as fault:
                raise fault.within(name) from None
            more = self._accept(",")
        if not self._accept(")"):
            taken = len(function.params)
            what = (
                "',' or ')'"
                if not more and taken
                else f"')': {function.name} takes {taken} arguments"
            )
            self._fail_expected(what)
        return tuple(values)

    # -- values -------------------------------------------------------------------------------

    def value(self, type: Type, depth: int) -> Any:
        if depth > DEFAULT_LIMITS.depth:
            self._fail(f"values nest deeper than {DEFAULT_LIMITS.depth} levels")
        match type:
            case Prim(name):
                return self._prim(type, name)
            case List(item):
                return self._list(type, item, depth + 1)
            case Option(item):
                return self._option(type, item, depth + 1)
            case Result():
                return self._result(type, depth + 1)
            case Tuple(items):
                return self._tuple(type, items, depth + 1)
            case Record():
                return self._record(type, depth + 1)
            case Variant():
                return self._variant(type, depth + 1)
            case Enum(_, cases):
                name = self._name(type)
                if name not in cases:
                    _fail_name(type, name, "case", cases)
                return name
            case Flags():
                return self._flags(type)
        raise Mismatch(
            describe_type(type), self._text[self._at : self._at + 60], "it has no text form"
        )

    def _prim(self, type: Prim, name: str) -> Any:
        if name == "string":
            return self._string(type)
        if name == "char":
            return self._char(type)
        if name == "bool":
            word = self._word(type)
            if word not in ("true", "false"):
                raise Mismatch("bool", word, "a bool is true or false")
            return word == "true"
        if name in ("f32", "f64"):
            return self._float(type)
        found = _NUMBER.match(self._text, self._at)
        if found is None:
            self._fail_expected(name)
        if found[1] or found[2]:
            raise Mismatch(name, found[0], "an integer has no fraction and no exponent")
        if len(found[0]) > _DIGITS:
            self._fail(f"no {name} has that many digits")
        self._at = found.end()
        self._skip()
        return PYTHON_RULES.reader(type)(int(found[0]))

    def _float(self, type: Prim) -> float:
        for word in ("nan", "inf", "-inf"):
            if self._text.startswith(word, self._at):
                self._at += len(word)
                self._skip()
                return float(word)
        found = _NUMBER.match(self._text, self._at)
        if found is None:
            self._fail_expected(type.name)
        if len(found[0]) > 2 * _DIGITS:
            self._fail(f"no {type.name} has that many digits")
        self._at = found.end()
        self._skip()
        value = float(found[0])
        if math.isinf(value):
            raise Mismatch(type.name, found[0], f"no {type.name} is that large")
        return PYTHON_RULES.reader(type)(value)

    def _char(self, type: Prim) -> str:
        start = self._at
        if not self._text.startswith("'", start):
            self._fail_expected("a char in single quotes")
        self._at += 1
        value = self._quoted("'", start)
        self._skip()
        return PYTHON_RULES.reader(type)(value)

    def _string(self, type: Type) -> str:
        start = self._at
        if self._text.startswith('"""', start):
            return self._block(start)
        if not self._text.startswith('"', start):
            self._fail_expected(f"{describe_type(type)} in double quotes")
        self._at += 1
        value = self._quoted('"', start)
        self._skip()
        return PYTHON_RULES.reader(STRING)(value)

    def _quoted(self, quote: str, start: int) -> str:
        parts: list[str] = []
        while True:
            plain = _PLAIN.match(self._text, self._at)
            if plain is not None:
                parts.append(plain[0])
                self._at = plain.end()
            here = self._text[self._at : self._at + 1]
            if here == quote:
                self._at += 1
                return "".join(parts)
            if here == "\\":
                parts.append(self._escape())
            elif here in ('"', "'"):
                parts.append(here)
                self._at += 1
            else:
                self._fail("this text has no closing quote", start)

    def _escape(self) -> str:
        found = _BACKSLASH.match(self._text, self._at)
        assert found is not None  # it is called at a backslash
        value = self._unescape(found, self._at)
        self._at = found.end()
        return value

    def _unescape(self, found: re.Match[str], offset: int) -> str:
        if found[1] is not None:
            return _ESCAPES.get(found[1], found[1])
        if found[2] is None:
            self._fail(r"""an escape is \" \' \\ \t \n \r or \u{…}""", offset)
        code = int(found[2], 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            self._fail(f"U+{code:04X} is no character", offset)
        return chr(code)

    def _block(self, start: int) -> str:
        """A multi-line string: its last line sets the indent that is taken off."""
        opened = _BLOCK_START.match(self._text, start)
        if opened is None:
            self._fail('after """ the text starts on the next line', start)
        first = opened.end()
        close = self._text.find('"""', first)
        if close < 0:
            self._fail('this text has no closing """', start)
        # The line break before the closing quotes belongs to them.
        last = self._text.rfind("\n", start, close)
        indent = self._text[last + 1 : close]
        if indent.strip(" "):
            self._fail('closing """ stand on a line of their own; in a text write ""\\"', close)
        self._at = close + 3
        self._skip()
        lines = self._text[first:last].split("\n") if first <= last else []
        parts: list[str] = []
        for line in lines:
            if line.strip("\r") and not line.startswith(indent):
                self._fail('each line is indented at least as far as the closing """', first)
            parts.append(self._unescaped(line.removesuffix("\r")[len(indent) :], first))
            first += len(line) + 1
        return PYTHON_RULES.reader(STRING)("\n".join(parts))

    def _unescaped(self, line: str, offset: int) -> str:
        return _BACKSLASH.sub(lambda found: self._unescape(found, offset), line)

    def _list(self, type: List, item: Type, depth: int) -> Any:
        if item == U8 and self._text.startswith('"', self._at):
            return self._string(type).encode()
        if isinstance(item, Prim) and item.name in INTEGER_RANGES:
            numbers = self._integers()
            if numbers is not None:
                return PYTHON_RULES.reader(type)(numbers)
        self._expect("[", type)
        values: list[Any] = []
        try:
            while not self._accept("]"):
                values.append(self.value(item, depth))
                if not self._accept(","):
                    self._expect("]", type)
                    break
        except Mismatch as fault:
            raise fault.within(f"[{len(values)}]") from None
        return bytes(values) if item == U8 else values

    def _integers(self) -> list[int] | None:
        """A list of integers read at once; None where it has to be looked at one by one."""
        found = _INTEGERS.match(self._text, self._at)
        if found is None or _LEADING_ZERO.search(found[1]):
            return None
        words = found[1].split(",")
        if not words[-1].strip():
            words.pop()
        try:
            numbers = list(map(int, words))
        except ValueError:
            return None
        self._at = found.end()
        self._skip()
        return numbers

    def _tuple(self, type: Tuple, items: tuple[Type, ...], depth: int) -> tuple[Any, ...]:
        self._expect("(", type)
        values: list[Any] = []
        try:
            for index, item in enumerate(items):
                if index and not self._accept(","):
                    self._fail_expected(f"',' ({describe_type(type)} has {len(items)} items)")
                values.append(self.value(item, depth))
        except Mismatch as fault:
            raise fault.within(f"[{len(values)}]") from None
        self._accept(",")
        self._expect(")", type)
        return tuple(values)

    def _record(self, type: Record, depth: int) -> Any:
        types = dict(type.fields)
        given: dict[str, Any] = {}
        self._expect("{", type)
        if self._accept(":") and not self._text.startswith("}", self._at):
            self._fail_expected("'}' of the empty record {:}")
        while not self._accept("}"):
            name = self._name(type)
            if name not in types:
                _fail_name(type, name, "field", list(types))
            if name in given:
                raise Mismatch(describe_type(type), name, "the field is given twice")
            self._expect(":", type)
            try:
                given[name] = self.value(types[name], depth)
            except Mismatch as fault:
                raise fault.within(f".{name}") from None
            if not self._accept(","):
                self._expect("}", type)
                break
        for name, field in type.fields:
            if name not in given:
                if not isinstance(field, Option):
                    raise Mismatch(
                        describe_type(type), sorted(given), f"the field {name!r} is missing"
                    )
                given[name] = None
        return record_class(type)(*(given[name] for name, _ in type.fields))

    def _flags(self, type: Flags) -> frozenset[str]:
        names: set[str] = set()
        self._expect("{", type)
        while not self._accept("}"):
            name = self._name(type)
            if name not in type.names:
                _fail_name(type, name, "flag", type.names)
            if name in names:
                raise Mismatch(describe_type(type), name, "the flag is given twice")
            names.add(name)
            if not self._accept(","):
                self._expect("}", type)
                break
        return frozenset(names)

    # -- sums ---------------------------------------------------------------------------------

    def _option(self, type: Option, item: Type, depth: int) -> Any:
        word = self._peek_word()
        if word == "none":
            self._word(type)
            return None
        if word == "some":
            self._word(type)
            value = self._payload(type, item, depth, "some")
        elif isinstance(item, (Option, Result)):
            self._fail_expected(f"some(…) or none of {describe_type(type)}")
        else:
            value = self.value(item, depth)
        return Some(value) if isinstance(item, Option) else value

    def _result(self, type: Result, depth: int) -> Ok | Err:
        word = self._peek_word()
        if word in ("ok", "err"):
            self._word(type)
            side = type.ok if word == "ok" else type.err
            value = None if side is None else self._payload(type, side, depth, word)
            return Ok(value) if word == "ok" else Err(value)
        if type.ok is None or isinstance(type.ok, (Option, Result)):
            self._fail_expected(f"ok or err of {describe_type(type)}")
        return Ok(self.value(type.ok, depth))

    def _variant(self, type: Variant, depth: int) -> Case:
        cases = dict(type.cases)
        name = self._name(type)
        if name not in cases:
            _fail_name(type, name, "case", list(cases))
        payload = cases[name]
        if payload is None:
            return Case(name)
        return Case(name, self._payload(type, payload, depth, name))

    def _payload(self, type: Type, payload: Type, depth: int, name: str) -> Any:
        self._expect("(", type)
        try:
            value = self.value(payload, depth)
        except Mismatch as fault:
            raise fault.within(f".{name}") from None
        self._accept(",")
        self._expect(")", type)
        return value


def _fail_name(type: Type, name: str, noun: str, names: Any) -> NoReturn:
    raise Mismatch(describe_type(type), name, f"there is no {noun} {name!r}{closest(name, names)}")
