"""Names and signatures of Python functions that implement WIT; calls are in test_serve.py."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from workbench.errors import UsageError, ValueMismatch
from workbench.lattice.python_functions import handlers_of, python_name
from workbench.lattice.rpc_context import InvocationContext
from workbench.wire.wit.types import STRING, U32, Function, Interface, Result
from workbench.wire.wit.values import Err, Ok

CONTEXT = InvocationContext("t", "a:b/c", "f", source_id="who")


def interface(*functions: Function) -> Interface:
    return Interface("a:b/c", functions={function.name: function for function in functions})


ADD = Function("add", (("a", U32), ("context", U32)), U32)
SAY = Function("say-it", (("text", STRING),), Result(STRING, STRING))


@pytest.mark.parametrize(
    ("wit", "python"),
    [
        ("list-keys", "list_keys"),
        ("[method]bucket.get-many", "bucket_get_many"),
        ("[static]bucket.from", "bucket_from"),
        ("[constructor]bucket", "new_bucket"),
        ("import", "import_"),
    ],
)
def test_a_wit_name_becomes_a_python_name(wit: str, python: str) -> None:
    assert python_name(Function(wit)) == python


async def call(function: Function, given: Any, *args: Any) -> Any:
    _, handler = handlers_of(interface(function), {function.name: given})[function.name]
    return await handler(CONTEXT, *args)


async def test_a_parameter_of_the_wit_that_is_called_context_is_no_context() -> None:
    assert await call(ADD, lambda a, context: a + context, 1, 2) == 3
    assert await call(ADD, lambda context, a, b: (a + b) * (context is CONTEXT), 1, 2) == 3


async def test_partials_objects_that_can_be_called_and_builtins_work() -> None:
    class Adder:
        async def __call__(self, a: int, b: int) -> int:
            return a + b

    assert await call(ADD, functools.partial(lambda x, a, b: x + a + b, 10), 1, 2) == 13
    assert await call(ADD, Adder(), 1, 2) == 3
    assert await call(ADD, max, 1, 2) == 2
    assert await call(ADD, lambda *args: sum(args), 1, 2) == 3


async def test_a_result_may_be_given_plain_or_as_the_side_it_is() -> None:
    assert await call(SAY, lambda text: text, "x") == Ok("x")
    assert await call(SAY, Err, "x") == Err("x")


async def test_nothing_is_nothing() -> None:
    nothing = Function("nothing")
    assert await call(nothing, lambda: None) is None
    with pytest.raises(ValueMismatch, match="nothing is expected, got 5"):
        await call(nothing, lambda: 5)


def test_a_signature_that_can_not_take_the_call_is_refused_with_one_that_can() -> None:
    with pytest.raises(UsageError, match=r"add\(a\) does not take") as caught:
        handlers_of(interface(ADD), {"add": lambda a: a})
    assert "add(a, context)" in str(caught.value.hint)


async def test_annotations_that_name_nothing_are_no_hindrance() -> None:
    def typed(first: NoSuchName, a: int, b: int) -> int:  # type: ignore[name-defined] # noqa: F821 - that is the point
        return a

    with pytest.raises(UsageError, match="does not take"):
        handlers_of(interface(ADD), {"add": typed})
