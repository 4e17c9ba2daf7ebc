# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
"""HTTP for a component in few lines: runs inside the component, beside the cell.

    def handle(request):
        return f"Hello from {request.path}"

``handle`` gets a `Request` and returns text, bytes, a dict or list (sent as JSON), a status
number, or a tuple ``(status, body)`` or ``(status, headers, body)``. An exception traps the
component, as in any other component.
"""

import json as _json
import weakref as _weakref
from functools import cached_property
from urllib.parse import parse_qsl

from componentize_py_types import Err, Ok
from wit_world import exports

CHUNK_BYTES = 65536
REHEARSALS = 64
DEFAULT_STATUS = 200  # of a response that nobody set a status on


class Request:
    """One HTTP request. What it takes from the host is fetched when it is first looked at."""

    def __init__(self, incoming, types):
        self._incoming = incoming
        self._types = types
        self.path_with_query = incoming.path_with_query() or "/"
        self.path, _, self.query_string = self.path_with_query.partition("?")

    @cached_property
    def method(self):
        """The method in upper case."""
        return _method(self._incoming.method())

    @cached_property
    def query(self):
        """The query as a dict; of a name that comes twice the last value."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @cached_property
    def headers(self):
        """The headers as a dict, names in lower case."""
        with self._incoming.headers() as fields:
            return {name.lower(): value.decode("latin-1") for name, value in fields.entries()}

    @cached_property
    def body(self):
        """The whole body as bytes."""
        return _read(self._incoming, self._types)

    def text(self):
        """The body as text."""
        return self.body.decode()

    def json(self):
        """The body as JSON."""
        return _json.loads(self.body)


def incoming_handler(handle, types):
    """The class that the world ``wasi:http`` wants, around a plain function."""

    class IncomingHandler(exports.IncomingHandler):
        def handle(self, request, response_out):
            status, headers, body = _answer(handle(Request(request, types)))
            fields = types.Fields.from_list(headers)
            response = types.OutgoingResponse(fields)
            if status != DEFAULT_STATUS:
                response.set_status_code(status)
            outgoing = response.body()
            types.ResponseOutparam.set(response_out, Ok(response))
            if body:
                with outgoing.write() as stream:
                    _write(stream, body)
            types.OutgoingBody.finish(outgoing, None)

    _made.append(types)
    return IncomingHandler


_made = []  # the bindings of each class
rehearsed = 0  # requests that were answered while this was built


def rehearse():
    """Answer made-up requests at the build: what Python learns from running its code stays.

    A request then need not learn it again, nor write it down in memory that it shares. That is
    worth a tenth of its time and nothing else, so a component whose bindings are not as expected
    does without.
    """
    for types in _made[:1]:
        try:
            _rehearse(types)
        except Exception:
            return


def _rehearse(types):
    global rehearsed
    streams = types.streams
    modules = [(module, module.componentize_py_runtime) for module in (types, streams)]
    handler, host = incoming_handler(lambda request: "hello", types), _Rehearsal()
    try:
        for module, _ in modules:
            module.componentize_py_runtime = host
        for _ in range(REHEARSALS):
            host.answers = [
                "/", Ok(_handle(types.Fields)), _handle(types.OutgoingResponse),
                Ok(_handle(types.OutgoingBody)), None, Ok(_handle(streams.OutputStream)),
                Ok(None), Ok(None),
            ]  # fmt: skip
            handler().handle(_handle(types.IncomingRequest), _handle(types.ResponseOutparam))
            rehearsed += 1
    finally:
        for module, runtime in modules:
            module.componentize_py_runtime = runtime


class _Rehearsal:
    """Stands in for the host; its answers come in the order of the calls."""

    def call_import(self, number, arguments):
        return self.answers.pop(0)


def _handle(kind):
    made = object.__new__(kind)
    made.handle, made.finalizer = 1, _weakref.finalize(made, complex, 0, 1)
    return made


def _answer(result):
    status, headers = DEFAULT_STATUS, {}
    if isinstance(result, tuple):
        status, *rest, body = result
        headers = dict(rest[0]) if rest else {}
    elif isinstance(result, int) and not isinstance(result, bool):
        status, body = result, b""
    else:
        body = result
    kind = "text/plain; charset=utf-8"
    if isinstance(body, (dict, list)):
        kind, body = "application/json", _json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    elif body is None:
        body = b""
    elif isinstance(body, (bytes, bytearray, memoryview)):
        kind, body = "application/octet-stream", bytes(body)
    else:
        raise TypeError(
            f"handle() returned {type(body).__name__}: return text, bytes, a dict or a list"
        )
    entries = [(name.lower(), str(value).encode()) for name, value in headers.items()]
    names = {name for name, _ in entries}
    if body and "content-type" not in names:
        entries.append(("content-type", kind.encode()))
    if "content-length" not in names and status not in (204, 304):
        entries.append(("content-length", str(len(body)).encode()))
    return status, entries, body


def _method(method):
    name = type(method).__name__.removeprefix("Method_")
    return method.value if name == "Other" else name.upper()


def _read(incoming, types):
    chunks = []
    body = incoming.consume()
    with body.stream() as stream:
        while True:
            try:
                chunks.append(stream.blocking_read(CHUNK_BYTES))
            except Err:  # closed: the end, or the client went away
                break
    types.IncomingBody.finish(body)
    return b"".join(chunks)


def _write(stream, body):
    if len(body) <= 4096:  # what this call takes by contract, and one call instead of three
        stream.blocking_write_and_flush(body)
        return
    view = memoryview(body)
    while view:
        room = stream.check_write()
        if not room:
            with stream.subscribe() as ready:
                ready.block()
            continue
        stream.write(bytes(view[:room]))
        view = view[room:]
    stream.blocking_flush()
