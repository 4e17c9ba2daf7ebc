"""Python functions as the functions of a WIT interface (ARCHITECTURE §6 tells the values).

The implementation is an object, a class (one instance is made) or a mapping by name. Names may be
as in WIT (``list-keys``), as in Python (``list_keys``), or on the wire (``bucket.get``).

    async functions and async generators    run on the lattice's loop, like everything there
    plain functions and generators          run on threads, so that a slow one blocks nobody

A function gets its arguments by position. If it takes one more, called ``ctx`` or ``context``, it
gets the `InvocationContext` first (as a keyword where it is keyword-only). It returns the value of
its type; for a ``result`` type the ok value or `Ok`/`Err`, and ``raise WitError(payload)`` gives
the err side. A stream is any iterator or async iterator, a future any awaitable; received streams
are read with ``async for``, or with ``for`` in a plain function.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

from workbench.errors import UsageError, ValueMismatch, WitError
from workbench.lattice.rpc_context import Handler, InvocationContext
from workbench.lattice.threads import in_thread
from workbench.wire.subjects import wire_function_name
from workbench.wire.wit.coerce import coerce
from workbench.wire.wit.naming import closest
from workbench.wire.wit.types import Function, Interface, Result
from workbench.wire.wit.values import Err, Ok, attribute_name

__all__ = ["handlers_of", "python_name"]

log = logging.getLogger(__name__)

_CONTEXT_NAMES = ("ctx", "context")


def python_name(function: Function) -> str:
    """``list-keys`` → ``list_keys``, ``[method]bucket.get`` → ``bucket_get``,
    ``[constructor]bucket`` → ``new_bucket``."""
    kind, _, rest = function.name.rpartition("]")
    name = rest.replace(".", "-")
    return attribute_name(f"new-{name}" if kind == "[constructor" else name)


def handlers_of(interface: Interface, given: Any) -> dict[str, tuple[Function, Handler]]:
    """The handlers of every function of ``interface``; `UsageError` says what does not fit."""
    given = _instance(given)
    found: dict[str, tuple[Function, Handler]] = {}
    missing: list[Function] = []
    for function in interface.functions.values():
        implementation = _find(given, function)
        if implementation is None:
            missing.append(function)
        else:
            found[function.name] = (function, _handler(function, implementation))
    if missing:
        raise _missing(interface, given, missing)
    if isinstance(given, Mapping):
        _refuse_unknown(interface, given)
    return found


def _instance(given: Any) -> Any:
    if not inspect.isclass(given):
        return given
    try:
        return given()
    except TypeError as error:
        raise UsageError(
            f"{given.__name__} can't be made without arguments: {error}",
            hint="pass an instance instead of the class",
        ) from error


def _spellings(function: Function) -> tuple[str, ...]:
    return (function.name, wire_function_name(function.name), python_name(function))


def _find(given: Any, function: Function) -> Callable[..., Any] | None:
    if isinstance(given, Mapping):
        named = (given[name] for name in _spellings(function) if name in given)
        found = next(named, None)
    else:
        found = getattr(given, python_name(function), None)
    return found if callable(found) else None


def _missing(interface: Interface, given: Any, missing: Iterable[Function]) -> UsageError:
    known = list(given) if isinstance(given, Mapping) else dir(given)
    wanted = [f"{python_name(f)}({', '.join(_parameters(f))})" for f in missing]
    near = [closest(python_name(f), known) for f in missing]
    return UsageError(
        f"the implementation of {interface.id} lacks {', '.join(wanted)}{next(filter(None, near), '')}",
        hint="every function of the interface needs one of its name",
        missing=tuple(python_name(f) for f in missing),
    )


def _refuse_unknown(interface: Interface, given: Mapping[str, Any]) -> None:
    known = {name for function in interface.functions.values() for name in _spellings(function)}
    if unknown := sorted(set(given) - known):
        names = [python_name(function) for function in interface.functions.values()]
        raise UsageError(
            f"{interface.id} has no {', '.join(unknown)}{closest(unknown[0], names)}",
            hint="its functions are " + ", ".join(names),
        )


def _parameters(function: Function) -> list[str]:
    return [attribute_name(name) for name, _ in function.params]


# ---- calling one of them


def _handler(function: Function, implementation: Callable[..., Any]) -> Handler:
    call = _with_context(function, implementation)
    on_loop = inspect.iscoroutinefunction(_code_of(implementation)) or inspect.isasyncgenfunction(
        _code_of(implementation)
    )
    name = getattr(implementation, "__qualname__", repr(implementation))

    async def handle(context: InvocationContext, *args: Any) -> Any:
        try:
            value = call(context, *args) if on_loop else await in_thread(call, context, *args)
            if inspect.iscoroutine(value):
                value = await value
        except WitError as error:
            value = _error_side(function, name, error)
        except Exception as error:
            log.warning("%s, which serves %s, raised", name, function.name, exc_info=error)
            raise
        return _checked(function, name, value)

    return handle


def _code_of(implementation: Callable[..., Any]) -> Any:
    """What tells whether a call gives a coroutine: the function, or ``__call__`` of an object."""
    if inspect.isroutine(implementation) or inspect.isclass(implementation):
        return implementation
    return type(implementation).__call__


def _with_context(function: Function, implementation: Callable[..., Any]) -> Callable[..., Any]:
    """``call(context, *args)``, whether or not the function wants the context."""
    try:
        signature = inspect.signature(implementation)
    except (TypeError, ValueError):  # some builtins have none: they take what they take
        return lambda context, *args: implementation(*args)
    count = len(function.params)
    keyword = next((n for n in _CONTEXT_NAMES if _keyword_only(signature, n)), None)
    more = {keyword: None} if keyword is not None else {}
    first = next(iter(signature.parameters.values()), None)
    takes_first = first is not None and _is_context(implementation, first)
    if takes_first and _binds(signature, count + 1, more):
        call = implementation
    elif _binds(signature, count, more):

        def call(context: InvocationContext, *args: Any) -> Any:
            return implementation(*args)

    else:
        raise UsageError(
            f"{python_name(function)}{signature} does not take what {function.name} passes",
            hint=f"write it as {python_name(function)}({', '.join(_parameters(function))}), "
            "with ctx before these if it wants to know who calls",
        )
    if keyword is None:
        return call
    return lambda context, *args: implementation(*args, **{keyword: context})


def _keyword_only(signature: inspect.Signature, name: str) -> bool:
    parameter = signature.parameters.get(name)
    return parameter is not None and parameter.kind is inspect.Parameter.KEYWORD_ONLY


def _is_context(implementation: Callable[..., Any], parameter: inspect.Parameter) -> bool:
    if parameter.name in _CONTEXT_NAMES:
        return True
    try:
        return get_type_hints(implementation).get(parameter.name) is InvocationContext
    except Exception:
        # Annotations are the user's own and may name anything; then they say nothing here.
        return False


def _binds(signature: inspect.Signature, count: int, more: Mapping[str, Any]) -> bool:
    try:
        signature.bind(*([None] * count), **more)
    except TypeError:
        return False
    return True


def _error_side(function: Function, name: str, error: WitError) -> Err:
    if isinstance(function.result, Result):
        return Err(error.payload)
    raise UsageError(
        f"{name} raised WitError, but {function.name} has no error case",
        hint=f"its signature is {function}",
    ) from error


def _checked(function: Function, name: str, value: Any) -> Any:
    """The value in canonical form; `ValueMismatch` tells which function returned what."""
    type = function.result
    if isinstance(type, Result) and not isinstance(value, Ok | Err):
        value = Ok(value)
    try:
        if type is not None:
            return coerce(type, value)
        if value is not None:
            raise ValueMismatch(
                f"nothing is expected, got {value!r:.60}", path="", expected="nothing", got=value
            )
    except ValueMismatch as error:
        message = f"what {name} returned does not fit {function}: {error.message}"
        log.warning("%s", message)
        # Not "from error": this one says all of it, and is what a caller in this process sees.
        raise ValueMismatch(message, hint=error.hint, **error.fields) from None
    return None
