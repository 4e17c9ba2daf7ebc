"""Header and trailer fields of ``wasi:http``, and the names of methods and schemes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workbench.errors import Trap
from workbench.wire.http import Headers
from workbench.wire.wit.values import Case

__all__ = ["Fields", "FieldsError", "method_case", "method_name", "scheme_case", "scheme_name"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_LENGTH = re.compile(rb"[0-9]{1,18}\Z")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

FORBIDDEN = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "host",
        "http2-settings",
    ]
)
"""Fields that belong to the connection: a guest neither sees nor sets them (interfaces.md §4.3)."""

_METHODS = frozenset(
    ["get", "head", "post", "put", "delete", "connect", "options", "trace", "patch"]
)


MOST_BYTES = 128 * 1024
"""Of the names and values of one collection; a real host traps beyond it, too."""
_BYTES_BESIDE = 32
"""What an entry counts beside its name and value."""


class FieldsError(Exception):
    """A field operation that is refused; ``args[0]`` is the case of ``header-error``."""


class Fields:
    """An ordered multi-map of fields; names are compared without case."""

    __slots__ = ("_items", "_size", "immutable")

    def __init__(self, items: Iterable[tuple[str, bytes]] = (), *, immutable: bool = False) -> None:
        self._items: Headers = list(items)
        self._size = -1
        self.immutable = immutable

    @classmethod
    def received(cls, items: Headers) -> Fields:
        """Fields of a message that came in, without those of the connection; immutable."""
        return cls(
            [(name, value) for name, value in items if name.lower() not in FORBIDDEN],
            immutable=True,
        )

    @classmethod
    def checked(cls, items: list[tuple[str, bytes]]) -> Fields:
        for name, value in items:
            _check(name, value)
        made = cls(items)
        made._weigh()
        return made

    def get(self, name: str) -> list[bytes]:
        wanted = name.lower()
        return [value for key, value in self._items if key.lower() == wanted]

    def has(self, name: str) -> bool:
        wanted = name.lower()
        return any(key.lower() == wanted for key, _ in self._items)

    def set(self, name: str, values: list[bytes]) -> None:
        self._writable()
        for value in values or [b""]:
            _check(name, value)
        self._remove(name)
        self._items += [(name, value) for value in values]
        self._weigh()

    def append(self, name: str, value: bytes) -> None:
        self._writable()
        _check(name, value)
        self._items.append((name, value))
        if self._size < 0:
            self._weigh()
        else:
            self._grow(_weight(name, value))

    def delete(self, name: str) -> None:
        self._writable()
        _check(name, b"")
        self._remove(name)
        self._size = -1

    def entries(self) -> list[tuple[str, bytes]]:
        return list(self._items)

    def copy(self) -> Fields:
        return Fields(self._items)

    def lowered(self) -> Headers:
        """For the wire: names in lower case, in order."""
        return [(name.lower(), value) for name, value in self._items]

    def _remove(self, name: str) -> None:
        wanted = name.lower()
        self._items = [(key, value) for key, value in self._items if key.lower() != wanted]

    def content_length(self) -> int | None:
        """What ``content-length`` announces. Raises `FieldsError` if that is no length."""
        values = set(self.get("content-length"))
        if not values:
            return None
        text = values.pop()
        if values or not _LENGTH.match(text):
            raise FieldsError("invalid-syntax")
        return int(text)

    def _weigh(self) -> None:
        self._size = 0
        self._grow(sum(_weight(name, value) for name, value in self._items))

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MOST_BYTES:
            raise Trap(
                f"the component made fields of more than {MOST_BYTES} bytes",
                hint="send large values in the body",
                reason="fields too large", backtrace=[], stderr=[],
            )  # fmt: skip

    def _writable(self) -> None:
        if self.immutable:
            raise FieldsError("immutable")


def _weight(name: str, value: bytes) -> int:
    return len(name) + len(value) + _BYTES_BESIDE


def _check(name: str, value: bytes) -> None:
    if not _NAME.match(name) or _BAD_VALUE.search(value):
        raise FieldsError("invalid-syntax")
    if name.lower() in FORBIDDEN:
        raise FieldsError("forbidden")


def method_case(name: str) -> Case:
    return (
        Case(name.lower()) if name.lower() in _METHODS and name.isupper() else Case("other", name)
    )


def method_name(case: Case) -> str:
    return str(case.payload) if case.name == "other" else case.name.upper()


def scheme_case(name: str | None) -> Case | None:
    if name is None:
        return None
    known = {"http": "HTTP", "https": "HTTPS"}.get(name.lower())
    return Case(known) if known else Case("other", name)


def scheme_name(case: Case | None) -> str | None:
    if case is None:
        return None
    return str(case.payload) if case.name == "other" else case.name.lower()


def is_method(name: str) -> bool:
    return bool(_NAME.match(name))
