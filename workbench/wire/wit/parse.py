"""The WIT parser: text to declarations, by recursive descent.

`parse_package` raises only `WitSyntaxError`. The items of interfaces and types are in
`parse_items.py`; nothing here knows what a name means.

Source: component-model WIT.md.
"""

from __future__ import annotations

from typing import Literal

from workbench.wire.wit.ast import (
    Document,
    Extern,
    Gate,
    Include,
    InterfaceDecl,
    PackageDecl,
    PackageName,
    TopUse,
    WorldDecl,
)
from workbench.wire.wit.parse_items import ItemParser
from workbench.wire.wit.source import lex

__all__ = ["parse_package"]


def parse_package(text: str, *, path: str = "<wit>") -> Document:
    """The declarations of one WIT file."""
    return _Parser(lex(text, path)).document()


class _Parser(ItemParser):
    def document(self) -> Document:
        main = PackageDecl(self.source)
        document = Document(self.source, main)
        first = True
        while self.kind != "end":
            if self.word == "package":
                self._package(document, first)
            else:
                self._package_item(main)
            first = False
        return document

    def _package(self, document: Document, first: bool) -> None:
        doc, offset = self.doc(), self.offset
        self.advance()
        name = self.package_name()
        if self.kind == "{":
            self.advance()
            nested = PackageDecl(self.source, name, offset, doc=doc)
            while self.kind != "}":
                self._refuse_end(offset, f"the package {name}")
                self._package_item(nested)
            self.advance()
            document.nested.append(nested)
            return
        self.expect(";")
        if not first:
            self.fail("a file names its package once, before everything else", offset)
        document.main.name, document.main.offset, document.main.doc = name, offset, doc

    def _package_item(self, package: PackageDecl) -> None:
        first = self.index
        doc, gate = self.head()
        word = self.word
        if word == "interface":
            interface = self._interface()
            interface.doc, interface.gate = doc, gate
            package.interfaces.append(interface)
        elif word == "world":
            world = self._world()
            world.doc, world.gate = doc, gate
            package.worlds.append(world)
        elif word == "use":
            if gate is not None:
                self.fail("this 'use' is for a whole file and has no gate", gate.offset)
            package.uses.append(self._top_use())
        else:
            words = ("interface", "world", "use", "package")
            self.fail_expected("'interface', 'world', 'use' or 'package'", words)
        package.spans.append((first, self.index))

    def _interface(self) -> InterfaceDecl:
        self.advance()
        offset = self.offset
        interface = InterfaceDecl(self.name("the name of the interface"), offset)
        self._interface_body(interface)
        return interface

    def _interface_body(self, interface: InterfaceDecl) -> None:
        start = self.offset
        self.expect("{")
        while self.kind != "}":
            self._refuse_end(start, "the interface")
            doc, gate = self.head()
            if self.word == "use" and self.peek_kind() != ":":
                interface.uses.append(self.use(gate))
            elif self.type_keyword():
                interface.types.append(self.type_declaration(doc, gate))
            else:
                interface.functions.append(self.named_function(doc, gate))
        self.advance()

    def _world(self) -> WorldDecl:
        self.advance()
        offset = self.offset
        world = WorldDecl(self.name("the name of the world"), offset)
        start = self.offset
        self.expect("{")
        while self.kind != "}":
            self._refuse_end(start, "the world")
            self._world_item(world)
        self.advance()
        return world

    def _world_item(self, world: WorldDecl) -> None:
        doc, gate = self.head()
        word = self.word
        if word == "import":
            world.externs.append(self._extern("import", doc, gate))
        elif word == "export":
            world.externs.append(self._extern("export", doc, gate))
        elif word == "include":
            world.includes.append(self._include(gate))
        elif word == "use":
            world.uses.append(self.use(gate))
        elif self.type_keyword():
            world.types.append(self.type_declaration(doc, gate))
        else:
            words = ("import", "export", "include", "use", "record", "resource")
            self.fail_expected("'import', 'export', 'include', 'use' or a type", words)

    def _extern(
        self, direction: Literal["import", "export"], doc: str, gate: Gate | None
    ) -> Extern:
        self.advance()
        offset = self.offset
        # `name: func`, `name: interface {` and `name: path` against `ns:pkg/iface`.
        named = self.kind == "id" and self.peek_kind() == ":"
        following = self.peek_word(2) if named else ""
        if named and following in ("func", "async"):
            name = self.name("a name")
            self.advance()
            function = self.function(name, offset, doc, gate)
            return Extern(direction, function, offset, gate, doc)
        if named and following == "interface":
            interface = InterfaceDecl(self.name("a name"), offset, doc=doc, gate=gate)
            self.advance()
            self.advance()
            self._interface_body(interface)
            return Extern(direction, interface, offset, gate, doc)
        label = ""
        if named and self.peek_kind(3) != "/":
            label = self.name("a name")
            self.advance()
        path = self.path()
        self.expect(";")
        return Extern(direction, path, offset, gate, doc, label)

    def _include(self, gate: Gate | None) -> Include:
        self.advance()
        include = Include(self.path(), [], gate)
        if self.word == "with":
            self.advance()
            self.expect("{")
            while self.kind != "}":
                offset = self.offset
                old = self.name("a name of the included world")
                self.expect_word("as")
                include.renames.append((old, self.name("its new name"), offset))
                if not self.comma("}"):
                    break
            self.expect("}")
            self.accept(";")
        else:
            self.expect(";")
        return include

    def _top_use(self) -> TopUse:
        self.advance()
        offset = self.offset
        path = self.path()
        alias = path.name
        if self.word == "as":
            self.advance()
            alias = self.name("a name")
        self.expect(";")
        return TopUse(path, alias, offset)

    def package_name(self) -> PackageName:
        namespace = self.name("a namespace")
        self.expect(":")
        name = self.name("the name of the package")
        if self.kind == ":" or self.kind == "/":
            self.fail("nested namespaces are not supported")
        return PackageName(namespace, name, self.version())

    def _refuse_end(self, offset: int, what: str) -> None:
        if self.kind == "end":
            self.fail(f"{what} that starts here has no closing '}}'", offset)
