"""One instance of a component that lives through several calls: for its state, its resources."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from workbench.errors import NotFound, NotRunning, Trap
from workbench.wasm import capi
from workbench.wasm.arguments import canonical_args, unwrapped
from workbench.wasm.instantiator import Instantiator
from workbench.wasm.interrupts import interruptible
from workbench.wasm.store import CallState, GuestExit, GuestResource
from workbench.wasm.traps import explain
from workbench.wire.wit.lookup import find_function
from workbench.wire.wit.types import Borrow, Function, FunctionKind, Interface
from workbench.wire.wit.values import Err, Ok, attribute_name

__all__ = ["LiveInstance", "LiveResource"]


class LiveInstance:
    """An instance, made by `Component.instance`; a context manager. Used on one thread at a time.

    Resources that the component exports come out as `LiveResource` and go in again the same way.
    An instance that trapped is finished; so are its resources when it is closed.
    """

    def __init__(
        self, instantiator: Instantiator, timeout_s: float | None, closed: Callable[[bool], None]
    ) -> None:
        self._instantiator = instantiator
        self._exports = instantiator.component.exports
        self._state = instantiator._state(None, None, timeout_s)
        self._on_close = closed
        self._why_not = ""
        try:
            self._guarded(lambda: instantiator._instantiate(self._state, instantiator._linked))
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        name = self._instantiator.name or "a component"
        return f"<instance of {name}{f', {self._why_not}' if self._why_not else ''}>"

    def run(self, function: str, *args: Any, **named: Any) -> Any:
        """Call an export of this instance; names, values and errors as in `Component.run`.

        A constructor is called by the name of its resource, ``"counter"``; a static function is
        ``"counter.merge"``.
        """
        return self._call(*find_function(self._exports, function), args, named)

    def _call(
        self, instance: str, function: Function, args: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        if self._why_not:
            raise NotRunning(
                f"the instance {self._why_not}", hint="make another: component.instance()"
            )
        bare = {name: _bare(value) for name, value in named.items()}
        values = canonical_args(function, [_bare(value) for value in args], bare)
        export = self._instantiator._export(instance, function.name)
        self._state.deadline = time.monotonic() + self._state.timeout_s
        value = self._guarded(lambda: self._instantiator._call(self._state, export, values))
        return self._dressed(unwrapped(value))

    def _guarded(self, work: Callable[[], Any]) -> Any:
        engine = self._instantiator.engine
        engine.entered()
        try:
            with interruptible():
                return work()
        except (Trap, GuestExit):
            self._why_not = "trapped and can't go on"
            raise
        except BaseException:
            # An import that raised, or an interrupt, stopped the guest in the middle of its work.
            if self._state.exception is not None or self._state.cancelled:
                self._why_not = "was stopped in the middle of a call"
            raise
        finally:
            engine.left()

    def _dressed(self, value: Any) -> Any:
        if isinstance(value, GuestResource):
            return LiveResource(self, value)
        if isinstance(value, (list, tuple)):
            return type(value)(self._dressed(one) for one in value)
        if isinstance(value, (Ok, Err)):
            return type(value)(self._dressed(value.value))
        return value

    def _methods(self, resource: GuestResource) -> dict[str, tuple[str, Function]]:
        found: dict[str, tuple[str, Function]] = {}
        for instance, item in self._exports.items():
            for function in item.functions.values() if isinstance(item, Interface) else (item,):
                if function.kind is FunctionKind.METHOD:
                    kind = function.params[0][1]
                    if isinstance(kind, Borrow) and kind.resource == resource.resource:
                        name = attribute_name(function.name.rpartition(".")[2])
                        found[name] = (instance if isinstance(item, Interface) else "", function)
        return found

    def _drop(self, resource: GuestResource) -> None:
        if not self._why_not:
            self._guarded(lambda: _drop(self._state, resource))

    def close(self) -> None:
        """End the instance. Harmless twice."""
        if self._why_not != "is closed":
            trapped = bool(self._why_not)
            self._why_not = "is closed"
            self._state.end()
            self._state.free()
            self._instantiator.close_blocking()
            self._on_close(trapped)

    def __enter__(self) -> LiveInstance:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class LiveResource:
    """A resource of a live instance: its methods are those of the WIT; ``with`` drops it."""

    def __init__(self, instance: LiveInstance, resource: GuestResource) -> None:
        self._instance = instance
        self._guest = resource
        self._methods = instance._methods(resource)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found = self.__dict__.get("_methods", {}).get(name)
        if found is None:
            raise AttributeError(
                f"{self!r} has no method {name!r}; it has {', '.join(self._methods)}"
            )
        instance, function = found
        return lambda *args, **named: self._instance._call(instance, function, (self, *args), named)

    def __dir__(self) -> list[str]:
        return [*self._methods, "drop"]

    def __repr__(self) -> str:
        return f"<{self._guest.resource.name} of {self._instance!r}>"

    def drop(self) -> None:
        """Let the guest free it."""
        self._instance._drop(self._guest)

    def __enter__(self) -> LiveResource:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()


def _bare(value: Any) -> Any:
    if isinstance(value, LiveResource):
        return value._guest
    if isinstance(value, (list, tuple)):
        return type(value)(_bare(one) for one in value)
    return value


def _drop(state: CallState, resource: GuestResource) -> None:
    rep = next((rep for rep, value in state.objects.items() if value is resource), None)
    if rep is None:
        name = resource.resource.name or "resource"
        raise NotFound(f"this {name} was dropped or given away before")
    del state.objects[rep]
    error = capi.resource_any_drop(state.context, resource._handle)
    capi.resource_any_delete(resource._handle)
    if error:
        raise explain(state, capi.take_error(error), f"dropping a {resource.resource.name}")
