"""Types of a compiled component get their names back."""

from __future__ import annotations

from workbench.wasm import Engine, wat_to_bytes
from workbench.wire.wit.types import (
    STRING,
    U8,
    Borrow,
    Enum,
    FunctionKind,
    Interface,
    List,
    Own,
    Record,
    ResourceType,
)

WAT = """(component $C
  (import "test:a/types@1.0.0" (instance $a
    (type $p (record (field "name" string) (field "age" u8)))
    (export "person" (type $person (eq $p)))
    (export "thing" (type $thing (sub resource)))
    (export "describe" (func (param "p" $person) (result string)))))
  (alias export $a "person" (type $person))
  (alias export $a "thing" (type $thing))
  (import "test:b/user" (instance $b
    (alias outer $C $person (type $p))
    (export "human" (type $human (eq $p)))
    (alias outer $C $thing (type $t))
    (export "stuff" (type $stuff (eq $t)))
    (type $c (enum "red" "green"))
    (export "color" (type $color (eq $c)))
    (export "[method]stuff.paint" (func (param "self" (borrow $stuff)) (param "c" $color)))
    (export "give" (func (param "to" (list $human)) (result (own $stuff)))))))
"""


def test_names_come_from_the_interface_and_resources_from_where_they_were_declared(
    engine: Engine,
) -> None:
    component = engine.load_blocking(wat_to_bytes(WAT))
    a, b = component.imports["test:a/types@1.0.0"], component.imports["test:b/user"]
    assert isinstance(a, Interface) and isinstance(b, Interface)
    person = Record("person", (("name", STRING), ("age", U8)))
    thing = ResourceType("thing", "test:a/types@1.0.0")
    assert a.types == {"person": person, "thing": thing}
    assert a.functions["describe"].params == (("p", person),)
    human = Record("human", person.fields)
    assert b.types["human"] == human
    assert b.types["stuff"] == thing
    assert b.uses["stuff"] == ("test:a/types@1.0.0", "thing")
    paint = b.functions["[method]stuff.paint"]
    assert paint.kind is FunctionKind.METHOD
    assert paint.params == (("self", Borrow(thing)), ("c", Enum("color", ("red", "green"))))
    assert b.functions["give"].params == (("to", List(human)),)
    assert b.functions["give"].result == Own(thing)
