# pyright: reportUndefinedVariable=false
# ruff: noqa: F821 (what a script gets from the prelude)
"""Handlers: each takes the request and the way to respond."""


def look(request, out):
    headers = request.headers()
    found = (
        shown(request.method()), request.path_with_query(), shown(request.scheme()),
        request.authority(), [entry for entry in headers.entries() if entry[0] != "x-run"],
        attempt(headers.append, "x-a", b""),
    )  # fmt: skip
    answer(out, found)


def take_once(request, out):
    body = request.consume()
    again = attempt(request.consume)
    with body.stream() as stream:
        second = attempt(body.stream)
        first = stream.read(3)
        while not first:
            with stream.subscribe() as ready:
                ready.block()
            first = stream.read(3)
        skipped = stream.blocking_skip(2)
    future = types.IncomingBody.finish(body)
    with future.subscribe() as ready:
        ready.block()
    trailers = future.get().value.value
    found = trailers and trailers.entries()
    answer(out, (again, second, first, skipped, found, attempt(future.get)))


def parents_first(request, out):
    """Everything is dropped before what was made from it."""
    headers, body = request.headers(), request.consume()
    stream = body.stream()
    with body, request:
        pass
    read_on = stream.blocking_read(100)
    made = types.OutgoingResponse(types.Fields())
    outgoing, fields = made.body(), made.headers()
    types.ResponseOutparam.set(out, Ok(made))
    sink = outgoing.write()
    sink.blocking_write_and_flush(read_on + str(fields.entries()).encode())
    types.OutgoingBody.finish(outgoing, None)
    assert headers.has("x-run")


def trailers(request, out):
    body = response(202, [("x-a", b"1"), ("X-A", b"2"), ("x-bin", b"\xfe")], out)
    write(body, b"body")
    types.OutgoingBody.finish(body, types.Fields.from_list([("x-end", b"\xff"), ("X-End", b"2")]))


def unfinished(request, out):
    body = response(200, [], out)
    write(body, b"so far")
    with body:
        pass


def without_body(request, out):
    types.ResponseOutparam.set(out, Ok(types.OutgoingResponse(types.Fields())))


def head_only(request, out):
    body = response(200, [("content-length", b"1000")], out)
    finished = attempt(types.OutgoingBody.finish, body, None)
    print(finished, file=sys.stderr)


def refuse(out, code):
    types.ResponseOutparam.set(out, Err(code))


def let_go(out):
    with out:
        pass
    while True:
        pass


def fail_after(out):
    body = response(200, [], out)
    write(body, b"so far")
    raise LookupError("after the response")


def echo(request, out):
    """Copy, with back-pressure on both sides."""
    source, body = request.consume(), response(200, [], out)
    with source.stream() as incoming, body.write() as outgoing:
        while True:
            try:
                if not outgoing.blocking_splice(incoming, 65536):
                    continue
            except Err:
                break
    types.OutgoingBody.finish(body, None)


def count(request, out):
    source, size = request.consume(), 0
    with source.stream() as incoming:
        while True:
            try:
                size += incoming.blocking_skip(65536)
            except Err as error:
                end = shown(error.value)
                break
    answer(out, (size, end))


def pour(out, size):
    """Zeroes: componentize-py keeps the bytes of each write to the end of the call."""
    body = response(200, [], out)
    with body.write() as stream:
        with stream.subscribe() as ready:
            while size:
                room = min(stream.check_write(), size)
                if room:
                    stream.write_zeroes(room)
                    size -= room
                else:
                    ready.block()
        stream.blocking_flush()
    types.OutgoingBody.finish(body, None)
