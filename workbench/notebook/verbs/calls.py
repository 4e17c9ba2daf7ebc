"""Verbs that call: invoke (also call) and http."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import UsageError, ValueMismatch, WitSyntaxError
from workbench.notebook.display.shown import said
from workbench.notebook.display.text import duration, visible
from workbench.notebook.session import Session
from workbench.notebook.verbs.model import Argument, Body, Call, Many, Option, Verb
from workbench.wire.wit.coerce import coerce, from_json, parse_argument
from workbench.wire.wit.wave import parse_wave_arguments
from workbench.wire.wit.yaml_values import read_document

__all__ = ["VERBS"]

_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 §5.6.2


def invoke(session: Session, call: Call) -> Any:
    """The decoded value, so that ``_`` and ``x = %wasmcloud invoke …`` hold it."""
    lattice, target = session.lattice, call["id"]
    path, paren, _ = call["function"].partition("(")
    if path.startswith("wasi:http/incoming-handler"):
        raise UsageError(
            "an HTTP handler is not called with typed arguments",
            hint=f"%wasmcloud http {target} GET /",
        )
    _, function = lattice.function(target, path)
    args = _arguments(function, call, call["function"][len(path) :] if paren else "")
    began = time.perf_counter()
    value = lattice.invoke(
        target, path, *args, timeout_s=call["timeout"], link_name=call["link_name"]
    )
    took = duration(time.perf_counter() - began)
    if call["output"]:
        session.set_variable(call["output"], value)
        text = f"{call['output']} holds the answer of {visible(path, 120)}."
        return said(text, took=took)
    if value is None and function.result is None:
        text = f"{visible(path, 120)} returned; it has no result."
        return said(text, took=took)
    return value


def _arguments(function: Any, call: Call, parenthesized: str) -> Sequence[Any]:
    """Words, body or ``(…)`` as values of the parameters' types. `ValueMismatch` names the parameter."""
    params = function.params
    body = (call.body or "").strip()
    if sum(map(bool, (body, call["args"], parenthesized))) > 1:
        raise UsageError(
            "arguments stand in more than one place", hint="give them in one place only"
        )
    if parenthesized:
        return parse_wave_arguments(function, parenthesized)
    if body:
        return _from_body(function, body)
    words = call["args"]
    if len(words) != len(params):
        wanted = ", ".join(f"{name}: {type_}" for name, type_ in params) or "none"
        raise UsageError(
            f"{function.name} takes {len(params)} arguments, not {len(words)}",
            hint=f"its parameters: {wanted}",
        )
    # A $variable comes as the object it is, a word as text to be read by its type.
    return [
        parse_argument(type_, word, name) if isinstance(word, str) else coerce(type_, word, name)
        for (name, type_), word in zip(params, words, strict=True)
    ]


def _from_body(function: Any, body: str) -> Sequence[Any]:
    params = function.params
    if body.startswith("(") and len(params) > 1:
        return parse_wave_arguments(function, body)
    document, unread = _document(body)
    if isinstance(document, Mapping) and set(document) == {name for name, _ in params}:
        return [from_json(type_, document[name], name) for name, type_ in params]
    if isinstance(document, list) and len(document) == len(params) != 1:
        return [from_json(t, v, n) for (n, t), v in zip(params, document, strict=True)]
    if len(params) == 1:
        name, type_ = params[0]
        try:
            return [parse_argument(type_, body, name)]
        except (ValueMismatch, WitSyntaxError):
            if document is None:
                raise
            return [from_json(type_, document, name)]
    if unread is not None:
        raise unread
    names = ", ".join(name for name, _ in params) or "none"
    raise UsageError(
        f"the cell's body does not give the {len(params)} arguments of {function.name}",
        hint=f"write them by name ({names}) as YAML or JSON, or as a list",
    )


def _document(body: str) -> tuple[Any, WitSyntaxError | None]:
    """The body as JSON or YAML, or why it is neither: one argument may still be WAVE."""
    try:
        return read_document(body), None
    except WitSyntaxError as fault:
        return None, fault


def http(session: Session, call: Call) -> Any:
    headers: dict[str, str] = {}
    for line in call["header"]:
        name, sign, value = str(line).partition(":")
        if not sign:
            raise UsageError(
                f"--header wants 'Name: value', not {line!r}", hint="-H 'Accept: text/plain'"
            )
        headers[name.strip()] = value.strip()
    method = str(call["method"] or "GET").upper()
    if not _METHOD.fullmatch(method):
        raise UsageError(
            f"{method!r} is no HTTP method", hint="GET, POST, PUT, DELETE and so on, one word"
        )
    body = call.body if call.body is not None else (call["data"] or "")
    reply = session.lattice.http(
        call["id"],
        method,
        str(call["path"] or "/"),
        headers=headers,
        body=body if isinstance(body, bytes) else str(body).encode(),
        timeout_s=call["timeout"],
    )
    if call["output"]:
        session.set_variable(call["output"], reply)
    return reply


_TIMEOUT = Option("timeout", "seconds to wait", "S", number=float)
_OUTPUT = Option("output", "keep the answer in this variable", "NAME", short="o")

VERBS = (
    Verb(
        "invoke",
        "call a function of a component, typed",
        invoke,
        (
            Argument("id", "the component", complete="component"),
            Argument("function", "NS:PKG/IFACE.FUNC or 'FUNC(…)'", complete="function"),
            Argument("args", "JSON, WAVE, a bare word or $variable", Many.ANY),
        ),
        (_OUTPUT, _TIMEOUT, Option("link-name", "the link to name", "NAME", default="default")),
        Body.MAY,
        (
            '%wasmcloud invoke greeter demo:greet/greeter.describe \'{"name": "Ada"}\'',
            "%wasmcloud invoke adder 'demo:math/calc.add(1, 2)'",
            "%%wasmcloud invoke greeter demo:greet/greeter.describe\nname: Ada\nage: 36",
        ),
        ("call",),
    ),
    Verb(
        "http",
        "send an HTTP request straight to a component",
        http,
        (
            Argument("id", "the component", complete="component"),
            Argument("method", "GET by default", Many.MAYBE),
            Argument("path", "/ by default", Many.MAYBE),
        ),
        (
            Option("header", "'Name: value'", "H", short="H", repeat=True),
            Option("data", "the request's body", "TEXT", short="d"),
            _OUTPUT,
            _TIMEOUT,
        ),
        Body.MAY,
        ("%wasmcloud http hello GET /", "%wasmcloud http hello POST /items -d '{\"n\": 1}'"),
    ),
)
