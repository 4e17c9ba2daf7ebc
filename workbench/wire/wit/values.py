"""The Python values that stand for WIT values (ARCHITECTURE §6).

bool, integers, floats    bool, int, float
char, string              str
list<u8>                  bytes            (other lists: list)
tuple                     tuple
record                    an instance of the class from `record_class(type)`
variant                   Case("name", payload)
enum                      str
flags                     frozenset[str]
option                    None or the value; an option directly inside an option: None or Some(x)
result                    Ok(value) or Err(value)
own, borrow               over wRPC a `Handle`; inside wasm the host's own Python object
stream, future            over wRPC an async iterator and an awaitable
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from workbench.wire.wit.by_type import ByType
from workbench.wire.wit.types import Record

__all__ = ["Case", "Err", "Handle", "Ok", "RecordValue", "Some", "attribute_name", "record_class"]


@dataclass(frozen=True, slots=True)
class Case:
    """A case of a variant, with its payload where the case has one."""

    name: str
    payload: Any = None

    def __repr__(self) -> str:
        return (
            f"Case({self.name!r})"
            if self.payload is None
            else f"Case({self.name!r}, {self.payload!r})"
        )


@dataclass(frozen=True, slots=True)
class Ok:
    value: Any = None

    def __repr__(self) -> str:
        return "Ok()" if self.value is None else f"Ok({self.value!r})"


@dataclass(frozen=True, slots=True)
class Err:
    value: Any = None

    def __repr__(self) -> str:
        return "Err()" if self.value is None else f"Err({self.value!r})"


@dataclass(frozen=True, slots=True)
class Some:
    """The present side of an option whose item is an option itself."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Handle:
    """A resource handle as it travels over wRPC: opaque bytes chosen by the owner."""

    data: bytes


def attribute_name(kebab: str) -> str:
    """``path-with-query`` → ``path_with_query``; what Python or records use ends in ``_``."""
    name = kebab.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) or name in ("of", "as_dict") else name


class RecordValue:
    """Base of every record value: frozen, attribute access, ``as_dict()`` with WIT names."""

    __slots__ = ("_values",)
    _type: Record
    _index: Mapping[str, int]
    _values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "_values", values)

    @classmethod
    def of(cls, **fields: Any) -> RecordValue:
        """Build one from keyword fields, named as the attributes are."""
        return cls(*(fields[attribute_name(name)] for name, _ in cls._type.fields))

    def __getattr__(self, name: str) -> Any:
        index = type(self)._index.get(name)
        if index is None:
            raise AttributeError(
                f"record {type(self)._type.name or 'value'} has no field {name!r}; "
                f"it has {', '.join(type(self)._index)}"
            )
        return self._values[index]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a record value is frozen; build a new one")

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, RecordValue):
            return self._type.fields == other._type.fields and self._values == other._values
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._values)

    def __dir__(self) -> list[str]:
        return [*type(self)._index, "as_dict"]

    def __repr__(self) -> str:
        inner = ", ".join(
            f"{attribute_name(n)}={v!r}"
            for (n, _), v in zip(self._type.fields, self._values, strict=True)
        )
        return f"{self._type.name or 'record'}({inner})"

    def as_dict(self) -> dict[str, Any]:
        """The fields under their WIT names, one level deep."""
        return {n: v for (n, _), v in zip(self._type.fields, self._values, strict=True)}


# While anybody holds the class of a type (a value, a codec), equal types get that one: codecs tell
# records by their class, and what is remembered below is forgotten when it is too much.
_alive: WeakValueDictionary[Record, type[RecordValue]] = WeakValueDictionary()


def _record_class(record: Record) -> type[RecordValue]:
    known = _alive.get(record)
    return known if known is not None else _alive.setdefault(record, _made(record))


def _made(record: Record) -> type[RecordValue]:
    index = {attribute_name(name): i for i, (name, _) in enumerate(record.fields)}
    return type(
        record.name or "record",
        (RecordValue,),
        {"__slots__": (), "_type": record, "_index": index},
    )


record_class: Callable[[Record], type[RecordValue]] = ByType(_record_class)
"""The value class of a record type: the same class for equal types."""
