# pyright: reportMissingImports=false
# (the bindings exist only while componentize-py builds this)
"""A guest that does what tests ask for: runs a script, sends a request, answers one."""

import guest_prelude
import wit_world
from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports.outgoing_handler import handle
from wit_world.imports.wasi_http_types import (
    Fields,
    Method_Post,
    OutgoingBody,
    OutgoingRequest,
    OutgoingResponse,
    RequestOptions,
    ResponseOutparam,
    Scheme_Http,
)


def request(path, body=b"ping"):
    outgoing = OutgoingRequest(Fields.from_list([("x-from", b"probe")]))
    outgoing.set_method(Method_Post())
    outgoing.set_scheme(Scheme_Http())
    outgoing.set_authority("example.test:81")
    outgoing.set_path_with_query(path)
    options = RequestOptions()
    options.set_connect_timeout(5)
    sent = outgoing.body()
    future = handle(outgoing, options)
    with sent.write() as stream:
        for at in range(0, len(body), 4096):
            stream.blocking_write_and_flush(body[at : at + 4096])
    OutgoingBody.finish(sent, None)
    future.subscribe().block()
    try:
        response = future.get().value.value
    except AttributeError:
        return "none"
    if not hasattr(response, "status"):
        return type(response).__name__
    data, stream = b"", response.consume().stream()
    while True:
        try:
            data += stream.blocking_read(65536)
        except Err:
            break
    return f"{response.status()} {response.headers().get('x-to')} {len(data)} {data[:20]}"


def run(code):
    """What a test sends: it leaves what it found in ``result``."""
    scope = dict(vars(guest_prelude))
    try:
        exec(compile(code, "<guest>", "exec"), scope)
    except Err as error:  # would be taken for the result of `check`
        raise RuntimeError(repr(error.value)) from error
    return repr(scope["result"])


class WitWorld(wit_world.WitWorld):
    def check(self, what):
        name, _, argument = what.partition(" ")
        if name == "run":
            return run(argument)
        if name == "http":
            return request(argument, b"x" * 100_000 if argument == "/long" else b"ping")
        raise Err(f"no check {name}")


class IncomingHandler(exports.IncomingHandler):
    """Answers with the request, as it was seen; the body comes back behind it."""

    def handle(self, request, response_out):
        seen = (
            type(request.method()).__name__,
            request.path_with_query(),
            type(request.scheme()).__name__,
            request.authority(),
            sorted(request.headers().entries()),
        )
        if request.path_with_query() == "/raise":
            raise ValueError("on purpose")
        response = OutgoingResponse(Fields.from_list([("content-type", b"text/plain")]))
        response.set_status_code(202)
        sent = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        incoming = request.consume()
        with sent.write() as out, incoming.stream() as stream:
            out.blocking_write_and_flush(f"{seen}\n".encode())
            while True:
                try:
                    data = stream.blocking_read(4096)
                except Err:
                    break
                out.blocking_write_and_flush(data)
        OutgoingBody.finish(sent, Fields.from_list([("x-last", b"1")]))
