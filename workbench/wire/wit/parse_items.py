"""The inner half of the WIT parser: types, functions, gates, and the token cursor.

``kind``, ``word`` and ``offset`` always describe the token under the cursor. ``word`` is its
text, and empty for an ``%escaped`` name, so that such a name never counts as a keyword.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from workbench.wire.limits import DEFAULT_LIMITS
from workbench.wire.wit.ast import (
    Applied,
    FunctionDecl,
    Gate,
    Name,
    PackageName,
    Path,
    TypeDecl,
    TypeExpr,
    Use,
)
from workbench.wire.wit.naming import closest
from workbench.wire.wit.source import Source, kebab_fault
from workbench.wire.wit.types import PRIMITIVES, FunctionKind

__all__ = ["CONTEXTUAL", "KEYWORDS", "ItemParser"]

KEYWORDS = frozenset(
    [
        "use",
        "type",
        "func",
        "record",
        "resource",
        "flags",
        "variant",
        "enum",
        "bool",
        "string",
        "option",
        "result",
        "future",
        "stream",
        "list",
        "own",
        "borrow",
        "as",
        "from",
        "static",
        "interface",
        "tuple",
        "world",
        "import",
        "export",
        "package",
        "constructor",
        "include",
        "with",
        "async",
        "error-context",
        "u8",
        "u16",
        "u32",
        "u64",
        "s8",
        "s16",
        "s32",
        "s64",
        "f32",
        "f64",
        "char",
    ]
)
CONTEXTUAL = frozenset(["map"])
"""Keywords that came later: names of older texts stay names, new text escapes them."""

_MEMBERED = frozenset(["record", "variant", "enum", "flags"])
_TYPE_KEYWORDS = _MEMBERED | {"type", "resource"}
# kind -> (fewest, most) arguments
_APPLIED = {
    "list": (1, 1),
    "option": (1, 1),
    "result": (0, 2),
    "tuple": (1, 1024),
    "own": (1, 1),
    "borrow": (1, 1),
    "stream": (0, 1),
    "future": (0, 1),
    "map": (2, 2),
}
# A fixed length is at most what a canonical ABI size could ever hold.
_LENGTH_DIGITS = 9
_GATES = {"since": "version", "deprecated": "version", "unstable": "feature"}


class ItemParser:
    """A cursor over tokens with the rules for everything inside an interface.

    ``index`` counts the tokens before the one under the cursor.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._tokens = source.tokens
        self.index = -1
        self._depth = 0
        self.kind = self.word = ""
        self.offset = 0
        self.advance()

    # -- the cursor ---------------------------------------------------------------------------

    def advance(self) -> None:
        if self.index + 1 < len(self._tokens):
            self.index += 1
        self.kind, text, self.offset = self._tokens[self.index]
        self.word = text if text[:1] != "%" else ""

    def peek_kind(self, ahead: int = 1) -> str:
        index = self.index + ahead
        return self._tokens[index][0] if index < len(self._tokens) else "end"

    def peek_word(self, ahead: int = 1) -> str:
        index = self.index + ahead
        return self._tokens[index][1] if index < len(self._tokens) else ""

    def accept(self, kind: str) -> bool:
        if self.kind != kind:
            return False
        self.advance()
        return True

    def expect(self, kind: str) -> None:
        if self.kind != kind:
            self.fail_expected(repr(kind))
        self.advance()

    def expect_word(self, word: str) -> None:
        if self.word != word:
            self.fail_expected(repr(word), [word])
        self.advance()

    def comma(self, closing: str) -> bool:
        """Step over a comma; False when ``closing`` comes next instead."""
        if self.kind == ",":
            self.advance()
            return True
        if self.kind != closing:
            self.fail_expected(f"',' or {closing!r}")
        return False

    def fail(self, message: str, offset: int | None = None) -> NoReturn:
        self.source.syntax_fault(message, self.offset if offset is None else offset)

    def fail_expected(self, what: str, words: Iterable[str] = ()) -> NoReturn:
        """``words`` are those of ``what`` that may be meant by a misspelled one."""
        found = "the end of the text" if self.kind == "end" else repr(self._tokens[self.index][1])
        self.fail(f"expected {what}, found {found}{closest(self.word, words)}")

    def name(self, what: str) -> str:
        """One identifier, without its ``%``."""
        if self.kind != "id":
            self.fail_expected(what)
        text = self._tokens[self.index][1]
        if text[0] == "%":
            text = text[1:]
        elif text in KEYWORDS:
            self.fail(f"expected {what}, found the keyword {text!r}; %{text} makes it a name")
        if not text.islower() and (fault := kebab_fault(text)):
            self.fail(f"{text!r} is no name: {fault}")
        self.advance()
        return text

    def doc(self) -> str:
        """The doc comment before the token under the cursor."""
        return self.source.docs.get(self.index, "")

    def head(self) -> tuple[str, Gate | None]:
        """The doc comments and gates before an item, in either order."""
        doc, gate = self.doc(), self._gate()
        if gate is not None and (behind := self.doc()):
            doc = f"{doc}\n{behind}" if doc else behind
        return doc, gate

    def _gate(self) -> Gate | None:
        if self.kind != "@":
            return None
        gate = Gate(self.offset)
        while self.kind == "@":
            start = self.offset
            self.advance()
            which = self.word
            if which not in _GATES:
                self.fail_expected("'since', 'unstable' or 'deprecated'", _GATES)
            if getattr(gate, which):
                self.fail(f"the gate @{which} comes twice", start)
            self.advance()
            self.expect("(")
            setattr(gate, which, self._gate_field(_GATES[which]))
            # Tools wrote the feature of what became stable behind its version for a while.
            if which == "since" and self.accept(","):
                self._gate_field("feature")
            self.expect(")")
            if gate.since and gate.unstable:
                self.fail("an item is either stable or not: @since or @unstable, not both", start)
        return gate

    def _gate_field(self, field: str) -> str:
        self.expect_word(field)
        self.expect("=")
        return self.name("a feature name") if field == "feature" else self._version_here()

    # -- types --------------------------------------------------------------------------------

    def type_keyword(self) -> bool:
        """Whether a type declaration starts here."""
        return self.word in _TYPE_KEYWORDS and self.peek_kind() != ":"

    def type_declaration(self, doc: str, gate: Gate | None) -> TypeDecl:
        kind = self.word
        self.advance()
        offset = self.offset
        name = self.name(f"the name of the {kind}")
        if kind == "type":
            self.expect("=")
            declaration = TypeDecl("type", name, offset, target=self.type(), doc=doc, gate=gate)
            self.expect(";")
        elif kind == "resource":
            declaration = TypeDecl("resource", name, offset, doc=doc, gate=gate)
            self._resource_body(declaration)
        else:
            declaration = TypeDecl(kind, name, offset, doc=doc, gate=gate)  # type: ignore[arg-type]
            self._members(declaration)
        return declaration

    def _members(self, declaration: TypeDecl) -> None:
        kind = declaration.kind
        self.expect("{")
        while self.kind != "}":
            offset, doc = self.offset, self.doc()
            name = self.name("a field name" if kind == "record" else "a name")
            if doc:
                declaration.docs[name] = doc
            payload: TypeExpr | None = None
            if kind == "record":
                self.expect(":")
                payload = self.type()
            elif kind == "variant" and self.accept("("):
                payload = self.type()
                self.expect(")")
            declaration.members.append((name, payload, offset))
            if not self.comma("}"):
                break
        self.expect("}")
        if not declaration.members:
            self.fail(f"a {kind} needs at least one member", declaration.offset)

    def _resource_body(self, resource: TypeDecl) -> None:
        if self.accept(";"):
            return
        self.expect("{")
        while self.kind != "}":
            doc, gate = self.head()
            if self.word == "constructor" and self.peek_kind() == "(":
                resource.functions.append(self._constructor(resource.name, doc, gate))
            else:
                resource.functions.append(self.named_function(doc, gate, method=True))
        self.advance()

    def _constructor(self, resource: str, doc: str, gate: Gate | None) -> FunctionDecl:
        offset = self.offset
        self.advance()
        params = self._params()
        result = self.type() if self.accept("->") else None
        self.expect(";")
        kind = FunctionKind.CONSTRUCTOR
        return FunctionDecl(resource, offset, params, result, kind, False, doc, gate)

    def type(self) -> TypeExpr:
        word, offset = self.word, self.offset
        primitive = PRIMITIVES.get(word)
        if primitive is not None:
            self.advance()
            return primitive
        if word in _APPLIED and (word not in CONTEXTUAL or self.peek_kind() == "<"):
            return self._applied(word, offset)
        if word == "error-context":
            self.advance()
            return Applied("error-context", [], offset)
        return Name(self.name("a type"), offset)

    def _applied(self, kind: str, offset: int) -> Applied:
        self._depth += 1
        if self._depth > DEFAULT_LIMITS.depth:
            self.fail(f"types nest deeper than {DEFAULT_LIMITS.depth} levels", offset)
        self.advance()
        args: list[TypeExpr | None] = []
        length = 0
        if self.accept("<"):
            if self.kind == ">":
                self.fail_expected("a type")
            while self.kind != ">":
                if self.kind == "_" and kind == "result" and not args:
                    self.advance()
                    self.expect(",")
                    args.append(None)
                    args.append(self.type())
                elif self.kind == "integer" and kind == "list" and len(args) == 1 and not length:
                    length = self._length()
                else:
                    args.append(self.type())
                if not self.comma(">"):
                    break
            self.expect(">")
        fewest, most = _APPLIED[kind]
        if not fewest <= len(args) <= most:
            counted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            self.fail(f"{kind} takes {counted} type arguments, not {len(args)}", offset)
        self._depth -= 1
        return Applied(kind, args, offset, length)

    def _length(self) -> int:
        digits = self.word
        if digits[0] == "0" or len(digits) > _LENGTH_DIGITS:
            self.fail("a length is a number from 1, without leading zeros")
        self.advance()
        return int(digits)

    # -- functions and uses -------------------------------------------------------------------

    def named_function(self, doc: str, gate: Gate | None, *, method: bool = False) -> FunctionDecl:
        offset = self.offset
        name = self.name("a function, a type or 'use'")
        self.expect(":")
        kind = FunctionKind.METHOD if method else FunctionKind.FREE
        if method and self.word == "static":
            self.advance()
            kind = FunctionKind.STATIC
        function = self.function(name, offset, doc, gate)
        function.kind = kind
        return function

    def function(self, name: str, offset: int, doc: str, gate: Gate | None) -> FunctionDecl:
        is_async = self.word == "async"
        if is_async:
            self.advance()
        self.expect_word("func")
        params = self._params()
        result = self.type() if self.accept("->") else None
        self.expect(";")
        return FunctionDecl(name, offset, params, result, FunctionKind.FREE, is_async, doc, gate)

    def _params(self) -> list[tuple[str, TypeExpr, int]]:
        params: list[tuple[str, TypeExpr, int]] = []
        seen: set[str] = set()
        self.expect("(")
        while self.kind != ")":
            offset = self.offset
            name = self.name("a parameter name")
            if name in seen:
                self.fail(f"the parameter {name!r} comes twice", offset)
            seen.add(name)
            self.expect(":")
            params.append((name, self.type(), offset))
            if not self.comma(")"):
                break
        self.expect(")")
        return params

    def use(self, gate: Gate | None) -> Use:
        self.advance()
        path = self.path()
        self.expect(".")
        self.expect("{")
        names: list[tuple[str, str, int]] = []
        while self.kind != "}":
            offset = self.offset
            name = alias = self.name("the name of a type")
            if self.word == "as":
                self.advance()
                alias = self.name("its name here")
            names.append((name, alias, offset))
            if not self.comma("}"):
                break
        self.expect("}")
        self.expect(";")
        if not names:
            self.fail("this 'use' names no type", path.offset)
        return Use(path, names, gate)

    def path(self) -> Path:
        offset = self.offset
        first = self.name("the name of an interface or world")
        if self.kind != ":":
            return Path(None, first, offset)
        self.advance()
        package = self.name("the name of the package")
        self.expect("/")
        item = self.name("the name of the interface or world")
        return Path(PackageName(first, package, self.version()), item, offset)

    def version(self) -> str:
        return self._version_here() if self.accept("@") else ""

    def _version_here(self) -> str:
        if self.kind != "version":
            self.fail_expected("a version such as 0.2.0")
        version = self.word
        self.advance()
        return version
