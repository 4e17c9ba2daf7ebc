# pyright: reportMissingImports=false
# ruff: noqa: F401 (imported for the scripts; the library is only there if it was used here)
# (the bindings exist only while componentize-py builds this)
"""Names that every script for the guest has."""

import sys

from componentize_py_types import Err, Ok, Some
from wit_world.imports import outgoing_handler, poll, streams, types

CLOSED = "StreamError_Closed"


def shown(value):
    """A value of the bindings as something that `ast.literal_eval` reads."""
    if value is None or isinstance(value, (str, bytes, int, bool)):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(shown(item) for item in value)
    if isinstance(value, Ok):
        return ("ok", shown(value.value))
    if isinstance(value, Err):
        return ("err", shown(value.value))
    if isinstance(value, streams.StreamError_LastOperationFailed):
        code = types.http_error_code(value.value)
        return ("failed", value.value.to_debug_string(), shown(code))
    fields = {name: shown(item) for name, item in vars(value).items() if name != "finalizer"}
    name = type(value).__name__
    if "handle" in fields:
        return name
    return (name, *fields.values()) if fields else name


def attempt(function, *args):
    """What a call returns, or ``("err", …)``."""
    try:
        return shown(function(*args))
    except Err as error:
        return ("err", shown(error.value))


def response(status=200, headers=(), response_out=None):
    """A response that is set already, and its body."""
    made = types.OutgoingResponse(types.Fields.from_list(list(headers)))
    made.set_status_code(status)
    body = made.body()
    types.ResponseOutparam.set(response_out, Ok(made))
    return body


def write(body, *chunks):
    with body.write() as stream:
        for chunk in chunks:
            stream.blocking_write_and_flush(chunk)


def answer(response_out, value, status=200):
    """Respond with the text of a value."""
    body = response(status, (), response_out)
    text = repr(value).encode()
    write(body, *(text[at : at + 4096] for at in range(0, len(text), 4096)))
    types.OutgoingBody.finish(body, None)


def read(body, size=65536):
    """A body's bytes, and what ended them."""
    data = b""
    with body.stream() as stream:
        while True:
            try:
                data += stream.blocking_read(size)
            except Err as error:
                return data, shown(error.value)


def ask(path="/", method=None, options=None, headers=(), chunks=(), trailers=None):
    """Send a request and wait: its future, ready."""
    request = types.OutgoingRequest(types.Fields.from_list(list(headers)))
    request.set_authority("example.test")
    request.set_scheme(types.Scheme_Http())
    request.set_path_with_query(path)
    if method is not None:
        request.set_method(method)
    body = request.body()
    future = outgoing_handler.handle(request, options)
    write(body, *chunks)
    types.OutgoingBody.finish(body, trailers)
    with future.subscribe() as ready:
        ready.block()
    return future


def got(future):
    """The response of a future, or its error code as text."""
    outcome = future.get().value
    if isinstance(outcome, Err):
        return shown(outcome.value)
    return outcome.value
