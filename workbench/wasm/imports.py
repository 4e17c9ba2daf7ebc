"""What a component imports beside WASI: the port through which the host provides it."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from workbench.errors import MissingImport
from workbench.wire.http import HttpRequest, HttpResponse, RequestOptions
from workbench.wire.wit.coerce import coerce
from workbench.wire.wit.types import Function, FunctionKind
from workbench.wire.wit.values import Ok, attribute_name

__all__ = ["OUTGOING_HANDLER", "Imports", "ImportsBase", "ObjectImports"]

OUTGOING_HANDLER = "wasi:http/outgoing-handler"


class Imports(Protocol):
    """Provides imported functions. ``instance`` is "" for functions at the world's root."""

    def provides(self, instance: str, name: str) -> bool: ...

    def is_sync(self, instance: str) -> bool:
        """Whether `call_sync` serves this instance: on the worker thread, without a loop hop."""
        ...

    async def call(
        self, ctx: Any, instance: str, function: Function, args: Sequence[Any]
    ) -> Any: ...

    def call_sync(
        self, ctx: Any, instance: str, function: Function, args: Sequence[Any]
    ) -> Any: ...

    async def http(
        self, ctx: Any, request: HttpRequest, options: RequestOptions
    ) -> HttpResponse: ...

    def drop(self, ctx: Any, instance: str, resource: str, value: Any) -> None:
        """The guest dropped a resource of ours; called on the worker thread."""
        ...


class ImportsBase:
    """Provides nothing; a base to override parts of."""

    def provides(self, instance: str, name: str) -> bool:
        return False

    def is_sync(self, instance: str) -> bool:
        return False

    async def call(self, ctx: Any, instance: str, function: Function, args: Sequence[Any]) -> Any:
        raise _missing(instance, function.name)

    def call_sync(self, ctx: Any, instance: str, function: Function, args: Sequence[Any]) -> Any:
        raise _missing(instance, function.name)

    async def http(self, ctx: Any, request: HttpRequest, options: RequestOptions) -> HttpResponse:
        raise _missing(OUTGOING_HANDLER, "handle")

    def drop(self, ctx: Any, instance: str, resource: str, value: Any) -> None:
        return None

    def advice(self, instance: str, names: Sequence[str]) -> str:
        """Who could provide these functions of an instance, in one line."""
        return f"{instance or ', '.join(names)} has to be provided by whoever runs the component"


def _missing(instance: str, name: str) -> MissingImport:
    where = f"{instance}#{name}" if instance else name
    return MissingImport(f"nobody provides the import {where}", imports=[where])


class ObjectImports(ImportsBase):
    """Imports given as Python objects: ``{"ns:pkg/iface": object, "func": callable}``.

    An interface may be a mapping or any object; kebab names become snake names. Functions may be
    plain or ``async``; what they return is coerced to the WIT type, and a result whose ok side is
    meant may be returned bare. A resource is the object itself: its constructor is a function
    named like the resource, its methods are the object's methods. A version may be left out.

    HTTP requests go to a function, plain or ``async``, under ``wasi:http/outgoing-handler``: it
    gets an `HttpRequest` and returns an `HttpResponse` or raises `HttpError`.
    """

    def __init__(self, objects: Mapping[str, Any] | None = None) -> None:
        self._objects = dict(objects or {})

    def provides(self, instance: str, name: str) -> bool:
        if instance.partition("@")[0] == OUTGOING_HANDLER:
            return self._outgoing() is not None
        if name.startswith("[method]"):
            kind, _, method = name.removeprefix("[method]").partition(".")
            found = self._find(instance, kind)
            # What a factory makes shows only when it has been made.
            known = inspect.isclass(found)
            return self._owner(instance) is not None and (
                not known or hasattr(found, attribute_name(method))
            )
        return self._find(instance, name) is not None

    def advice(self, instance: str, names: Sequence[str]) -> str:
        wanted = [attribute_name(name.rpartition("]")[2]) for name in names]
        if not instance:
            return f"pass imports={{{', '.join(f'{name!r}: …' for name in names)}}}"
        key = instance.partition("@")[0]
        owner = self._owner(instance)
        if owner is None:
            near = difflib.get_close_matches(key, self._objects, n=1, cutoff=0.7)
            typo = f" ({near[0]!r} was given)" if near else ""
            return f"pass imports={{{key!r}: …}}, an object with {', '.join(wanted)}{typo}"
        has = [str(name) for name in (owner if isinstance(owner, Mapping) else _public(owner))]
        near = difflib.get_close_matches(wanted[0], has, n=1)
        typo = f" (did you mean that by {near[0]}?)" if near else ""
        return f"what imports={{{key!r}: …}} gives has no {', '.join(wanted)}{typo}"

    def is_sync(self, instance: str) -> bool:
        owner = self._owner(instance) if instance else self._objects
        if owner is None:
            return False
        members = owner.values() if isinstance(owner, Mapping) else _members(owner)
        return not any(map(_is_async, members))

    async def call(self, ctx: Any, instance: str, function: Function, args: Sequence[Any]) -> Any:
        value = self._target(instance, function, args)
        if inspect.isawaitable(value):
            value = await value
        return _canonical(function, value)

    def call_sync(self, ctx: Any, instance: str, function: Function, args: Sequence[Any]) -> Any:
        return _canonical(function, self._target(instance, function, args))

    async def http(self, ctx: Any, request: HttpRequest, options: RequestOptions) -> HttpResponse:
        handler = self._outgoing()
        if handler is None:
            return await super().http(ctx, request, options)
        answer = handler(request)
        return await answer if inspect.isawaitable(answer) else answer

    def _outgoing(self) -> Callable[[HttpRequest], Any] | None:
        handler = self._find(OUTGOING_HANDLER, "handle") or self._owner(OUTGOING_HANDLER)
        return handler if callable(handler) else None

    def _target(self, instance: str, function: Function, args: Sequence[Any]) -> Any:
        if function.kind is FunctionKind.METHOD:
            method = attribute_name(function.name.rpartition(".")[2])
            return getattr(args[0], method)(*args[1:])
        target = self._find(instance, function.name)
        if target is None:
            raise _missing(instance, function.name)
        return target(*args)

    def _owner(self, instance: str) -> Any:
        found = self._objects.get(instance)
        return self._objects.get(instance.partition("@")[0]) if found is None else found

    def _find(self, instance: str, name: str) -> Any:
        owner = self._owner(instance) if instance else self._objects
        target = owner
        for part in name.rpartition("]")[2].split("."):
            if isinstance(target, Mapping):
                target = target.get(part, target.get(attribute_name(part)))
            else:
                found = getattr(target, attribute_name(part), None)
                target = getattr(target, _class_name(part), None) if found is None else found
            if target is None:
                return None
        return target


def _class_name(kebab: str) -> str:
    return "".join(word.capitalize() for word in kebab.split("-"))


def _public(owner: Any) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]


def _members(owner: Any) -> list[Any]:
    return [getattr(owner, name, None) for name in _public(owner)]


def _is_async(member: Any) -> bool:
    if inspect.isclass(member):
        return any(map(inspect.iscoroutinefunction, vars(member).values()))
    return inspect.iscoroutinefunction(member)


def _canonical(function: Function, value: Any) -> Any:
    from workbench.wire.wit.types import Borrow, Own, Result
    from workbench.wire.wit.values import Err

    type = function.result
    if type is None:
        return None
    if isinstance(type, (Own, Borrow)):
        return value
    if isinstance(type, Result) and not isinstance(value, (Ok, Err)):
        value = Ok(value)
    if isinstance(type, Result) and isinstance(type.ok if value.__class__ is Ok else type.err, Own):
        return value
    return coerce(type, value, f"the result of {function.name}")
