"""The codec of one type and of one function, on top of `encode` and `decode` (wrpc.md §10).

A `FunctionCodec` is made once for each `Function` object and then only looked up.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from workbench.errors import UsageError, ValueMismatch
from workbench.wire.limits import DEFAULT_LIMITS, Limits
from workbench.wire.wit.coerce import coerce
from workbench.wire.wit.types import Function, Type
from workbench.wire.wrpc.decode import Decoder, Row
from workbench.wire.wrpc.encode import Deferred, Encoder, compile_encoder
from workbench.wire.wrpc.pending import AsyncType, AsyncValues, Path
from workbench.wire.wrpc.shape import channels, check, has_async, has_dynamic_channels

__all__ = [
    "CALL_LIMITS","FunctionCodec", "decoder", "encode_params", "encode_value", "encoder",
           "function_codec"]  # fmt: skip

# One call's values on one side. NATS servers take 1 MiB messages and 64 MB in a buffer; whoever
# sends more than this means harm or should use a stream.
CALL_LIMITS = Limits(bytes=256 * 1024 * 1024)

# What encoders raise on a value of another shape; `coerce` then finds the words.
_MISFITS = (
    TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError, struct.error,
)  # fmt: skip


def encoder(type: Type) -> Encoder:
    """``(value, out, deferred, path)`` appends canonical values; see `encode_value`."""
    check((type,))
    return compile_encoder(type)


def decoder(type: Type, limits: Limits = DEFAULT_LIMITS) -> Callable[[], Decoder]:
    """Makes incremental decoders of one value: ``feed`` bytes, then ``values[0]``."""
    check((type,), limits)
    row = Row((type,), limits)
    return lambda: Decoder(row)


def encode_value(
    type: Type,
    value: Any,
    out: bytearray,
    deferred: list[Deferred],
    path: Path,
    name: str = "",
    encode: Encoder | None = None,
) -> None:
    """Append one value; one that only resembles the canonical form is coerced first.

    ``encode`` is the type's encoder where the caller holds it: looking it up walks the type.
    Raises `ValueMismatch`, which names the place from ``name`` on.
    """
    mark, deferred_mark = len(out), len(deferred)
    encode = encode if encode is not None else compile_encoder(type)
    try:
        encode(value, out, deferred, path)
        return
    except _MISFITS:
        del out[mark:], deferred[deferred_mark:]
    canonical = coerce(type, value, name)
    try:
        encode(canonical, out, deferred, path)
    except _MISFITS as error:
        raise ValueMismatch(
            f"{name or 'value'}: does not fit {type}: {error}",
            path=name,
            expected=str(type),
            got=repr(value)[:60],
        ) from error


def encode_params(function: Function, args: Sequence[Any]) -> tuple[bytes, list[Deferred]]:
    """All parameters of a call in one buffer, and what is to follow on channels."""
    return function_codec(function).encode_params(args)


class FunctionCodec:
    """Everything about one function's bytes; ``param_channels`` follow from the types alone.

    What a caller or a callee needs is compiled when it first needs it: each uses half of it.
    """

    def __init__(self, function: Function, limits: Limits = CALL_LIMITS) -> None:
        self.function = function
        self.limits = limits
        self.param_types = tuple(type for _, type in function.params)
        self.result_types = () if function.result is None else (function.result,)
        check((*self.param_types, *self.result_types), limits)
        self.has_async = any(map(has_async, (*self.param_types, *self.result_types)))
        self.param_channels = _channels(self.param_types)
        self.result_channels = _channels(self.result_types)
        self.has_dynamic_params = any(map(has_dynamic_channels, self.param_types))
        self.has_dynamic_result = any(map(has_dynamic_channels, self.result_types))
        self._params = Row(self.param_types, limits)
        self._result = Row(self.result_types, limits)

    @cached_property
    def _encode_params(self) -> Encoder:
        return compile_encoder(self._params.type)

    @cached_property
    def _encode_result(self) -> Encoder | None:
        return None if self.function.result is None else compile_encoder(self.function.result)

    def encode_params(self, args: Sequence[Any]) -> tuple[bytes, list[Deferred]]:
        """Raises `UsageError` for a wrong number of arguments, `ValueMismatch` for a wrong one."""
        params = self.function.params
        if len(args) != len(params):
            raise UsageError(
                f"{self.function.name} takes {len(params)} arguments, {len(args)} were given",
                hint=f"its signature is {self.function}",
            )
        out = bytearray()
        deferred: list[Deferred] = []
        if params:
            try:
                self._encode_params(tuple(args), out, deferred, ())
            except _MISFITS:
                out.clear()
                deferred.clear()
                self._encode_one_by_one(args, out, deferred)
        return bytes(out), deferred

    def _encode_one_by_one(
        self, args: Sequence[Any], out: bytearray, deferred: list[Deferred]
    ) -> None:
        for index, ((name, type), value) in enumerate(zip(self.function.params, args, strict=True)):
            encode_value(type, value, out, deferred, (index,), name)

    def encode_result(self, value: Any) -> tuple[bytes, list[Deferred]]:
        """Raises `ValueMismatch`; a function without result must give None."""
        out = bytearray()
        deferred: list[Deferred] = []
        result = self.function.result
        if result is not None:
            encode_value(result, value, out, deferred, (0,), "result", self._encode_result)
        elif value is not None:
            raise ValueMismatch(
                f"{self.function.name} has no result, but {type_name(value)} was returned",
                path="result",
                expected="nothing",
                got=type_name(value),
            )
        return bytes(out), deferred

    def params_decoder(self, async_values: AsyncValues | None = None) -> Decoder:
        return Decoder(self._params, async_values)

    def result_decoder(self, async_values: AsyncValues | None = None) -> Decoder:
        return Decoder(self._result, async_values)


def type_name(value: Any) -> str:
    return type(value).__name__


def _channels(types: Sequence[Type]) -> dict[Path, AsyncType]:
    # Two cases of a variant may put different types at one path: whichever the value has is
    # known when it is decoded, so here only the path counts.
    found: dict[Path, AsyncType] = {}
    for index, type in enumerate(types):
        for path, channel in channels(type, (index,)):
            found.setdefault(path, channel)
    return found


# By identity: hashing a Function walks its whole type, which costs more than encoding a call.
# The entry keeps its Function alive, so an id is never taken over by another one.
_codecs: dict[int, FunctionCodec] = {}
_CODECS_KEPT = 4096


def function_codec(function: Function, limits: Limits = CALL_LIMITS) -> FunctionCodec:
    """The codec of this very `Function` object, made at its first use."""
    known = _codecs.get(id(function))
    if known is not None and known.function is function and known.limits is limits:
        return known
    made = FunctionCodec(function, limits)
    if len(_codecs) >= _CODECS_KEPT:
        _codecs.clear()
    _codecs[id(function)] = made
    return made
