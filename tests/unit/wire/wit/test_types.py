"""Types as keys, and the Python objects that stand for their values."""

from __future__ import annotations

import pickle

from hypothesis import given, settings

from tests.strategies_wit import types
from workbench.wire.wit.by_type import ByType
from workbench.wire.wit.coerce import coerce
from workbench.wire.wit.types import STRING, U8, List, Option, Prim, Record, Type
from workbench.wire.wit.values import record_class


def person() -> Record:
    return Record("person", (("name", STRING), ("tags", List(Option(STRING)))))


@settings(deadline=None, max_examples=40)
@given(types(handles=True))
def test_equal_types_have_one_hash_also_after_pickling(type: Type) -> None:
    hash(type)
    again = pickle.loads(pickle.dumps(type))
    # Hashes of text differ between processes, so none may travel.
    assert not hasattr(again, "_hash")
    assert again == type and hash(again) == hash(type)


def test_types_of_one_shape_and_another_kind_differ_as_keys() -> None:
    assert len({List(U8), Option(U8), Prim("u8"), person(), person()}) == 4


def test_the_hash_of_a_type_is_computed_once() -> None:
    class Counted(str):
        __slots__ = ()
        asked = 0

        def __hash__(self) -> int:
            Counted.asked += 1
            return super().__hash__()

    record = Record(Counted("r"), (("x", U8),))
    assert len({hash(record) for _ in range(5)}) == 1
    assert Counted.asked == 1


def test_a_type_is_compiled_once_for_all_its_equals() -> None:
    built: list[Type] = []
    once = ByType(lambda type: built.append(type) or object())
    first, second = person(), person()
    assert once(first) is once(second) is once(first)
    assert built == [first]
    assert record_class(first) is record_class(second)


def test_fields_named_like_a_method_of_records_stay_readable() -> None:
    record = Record("r", (("of", U8), ("as-dict", U8), ("class", U8)))
    value = coerce(record, {"of": 1, "as-dict": 2, "class": 3})
    assert (value.of_, value.as_dict_, value.class_) == (1, 2, 3)
    assert coerce(record, value) == value
    assert value.as_dict() == {"of": 1, "as-dict": 2, "class": 3}
