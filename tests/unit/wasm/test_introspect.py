"""Types of a compiled component get their names back."""

from __future__ import annotations

from workbench.wasm import Engine, wat_to_bytes
from workbench.wire.wit.types import (
    STRING,
    U8,
    U32,
    Borrow,
    Enum,
    Function,
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


ROOT = """(component $C
  (import "test:a/shapes" (instance $a
    (type $r (record (field "x" u32)))
    (export "dot" (type $dot (eq $r)))
    (type $s (record (field "x" u32)))
    (export "spot" (type $spot (eq $s)))
    (export "of" (func (param "s" $spot) (result (option $dot))))))
  (alias export $a "dot" (type $d))
  (import "dot" (type $dot (eq $d)))
  (import "move" (func (param "p" $dot) (result $dot))))
"""


def test_a_function_of_the_world_takes_names_from_its_interfaces_and_twins_share_the_first(
    engine: Engine,
) -> None:
    component = engine.load_blocking(wat_to_bytes(ROOT))
    dot = Record("dot", (("x", U32),))
    move = component.imports["move"]
    assert isinstance(move, Function) and move.params == (("p", dot),) and move.result == dot
    shapes = component.imports["test:a/shapes"]
    assert isinstance(shapes, Interface) and set(shapes.types) == {"dot", "spot"}
    # The compiled component tells types by structure only: which twin was meant is gone.
    assert shapes.functions["of"].params == (("s", dot),)
