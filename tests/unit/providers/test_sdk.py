"""A provider as a Python class."""

from __future__ import annotations

import pytest

from workbench.errors import WitError
from workbench.lattice.rpc import InvocationContext
from workbench.providers.sdk import Provider, ProviderFailed, exported_handlers
from workbench.wire.wit.values import Err, Ok

WIT = """package demo:count@0.1.0;
interface counter {
  next-one: func(by: u32) -> result<u64, string>;
  reset: func();
  resource tally { constructor(start: u64); add: func(by: u64) -> u64; }
}
"""


class Counter(Provider):
    wit = WIT

    def __init__(self) -> None:
        self.value = 0

    async def next_one(self, ctx: InvocationContext, by: int) -> int:
        if by == 0:
            raise WitError("by nothing")
        self.value += by
        return self.value

    def reset(self, ctx: InvocationContext) -> None:
        self.value = 0

    def new_tally(self, ctx: InvocationContext, start: int) -> bytes:
        return b"t"

    def tally_add(self, ctx: InvocationContext, handle: object, by: int) -> int:
        return by


CONTEXT = InvocationContext("counter", "demo:count/counter@0.1.0", "next-one")


async def test_wit_decides_which_methods_are_served():
    exports = exported_handlers(Counter())
    assert list(exports) == ["demo:count/counter@0.1.0"]
    assert set(exports["demo:count/counter@0.1.0"]) == {
        "next-one", "reset", "[constructor]tally", "[method]tally.add",
    }  # fmt: skip


async def test_a_plain_value_is_the_ok_side_and_a_wit_error_the_other():
    _, handler = exported_handlers(Counter())["demo:count/counter@0.1.0"]["next-one"]
    assert await handler(CONTEXT, 2) == Ok(2)
    assert await handler(CONTEXT, 3) == Ok(5)
    assert await handler(CONTEXT, 0) == Err("by nothing")


async def test_a_plain_function_may_be_not_async():
    provider = Counter()
    provider.value = 7
    _, handler = exported_handlers(provider)["demo:count/counter@0.1.0"]["reset"]
    assert await handler(CONTEXT) is None
    assert provider.value == 0


async def test_a_wit_error_where_no_result_is_declared_is_a_failure():
    class Rude(Counter):
        def reset(self, ctx: InvocationContext) -> None:
            raise WitError("no")

    _, handler = exported_handlers(Rude())["demo:count/counter@0.1.0"]["reset"]
    with pytest.raises(WitError):
        await handler(CONTEXT)


def test_a_missing_method_is_named_as_it_should_be_written():
    class Lazy(Provider):
        wit = "package demo:x; interface i { do-it: func(a: u8); go: func(); }"

    with pytest.raises(ProviderFailed) as caught:
        exported_handlers(Lazy())
    assert "do_it(self, ctx, a)" in caught.value.message
    assert "go(self, ctx)" in caught.value.message


def test_a_method_with_other_parameters_is_refused():
    class Wrong(Provider):
        wit = "package demo:x; interface i { f: func(a: u8); }"

        def f(self, ctx: InvocationContext) -> None: ...

    with pytest.raises(ProviderFailed) as caught:
        exported_handlers(Wrong())
    assert "f(self, ctx, a)" in caught.value.hint
