# pyright: reportUndefinedVariable=false
# ruff: noqa: F821 (what a script gets from the prelude)
"""Outgoing requests."""


def whole(path="/"):
    future = ask(
        path, types.Method_Put(), headers=[("x-a", b"\xff")], chunks=[b"one ", b"two"],
        trailers=types.Fields.from_list([("x-sum", b"7")]),
    )  # fmt: skip
    answered = got(future)
    again = attempt(future.get)
    if isinstance(answered, (str, tuple)):
        return answered, again
    body = answered.consume()
    twice = attempt(answered.consume)
    data, end = read(body)
    late = types.IncomingBody.finish(body)
    with late.subscribe() as ready:
        ready.block()
    trailers = shown(late.get())
    return answered.status(), answered.headers().entries(), data, end, trailers, twice, again


def failing_body():
    body = got(ask()).consume()
    data, end = read(body)
    late = types.IncomingBody.finish(body)
    with late.subscribe() as ready:
        ready.block()
    return data, end, shown(late.get())


def pending():
    request = types.OutgoingRequest(types.Fields())
    request.set_authority("example.test")
    with outgoing_handler.handle(request, None) as future:
        found = shown(future.get())
        with future.subscribe() as ready:
            found = found, ready.ready()
    return found


def timed(connect=None, first_byte=None, between_bytes=None):
    options = types.RequestOptions()
    options.set_connect_timeout(connect)
    options.set_first_byte_timeout(first_byte)
    options.set_between_bytes_timeout(between_bytes)
    answered = got(ask(options=options))
    return answered if isinstance(answered, str) else read(answered.consume())


def nowhere():
    return attempt(outgoing_handler.handle, types.OutgoingRequest(types.Fields()), None)


def fetch(authority, path="/", method=None, chunks=()):
    request = types.OutgoingRequest(types.Fields())
    request.set_authority(authority)
    request.set_scheme(types.Scheme_Http())
    request.set_path_with_query(path)
    if method:
        request.set_method(types.Method_Other(method))
    sent = request.body() if chunks else None
    try:
        future = outgoing_handler.handle(request, None)
    except Err as error:
        return ("err", shown(error.value))
    if sent:
        write(sent, *chunks)
        types.OutgoingBody.finish(sent, None)
    with future.subscribe() as ready:
        ready.block()
    answered = got(future)
    if isinstance(answered, (str, tuple)):
        return answered
    return answered.status(), answered.headers().get("x-to"), *read(answered.consume())


def dropped():
    """Nothing of the response is read: who sends it may stop."""
    with got(ask()):
        pass
    with got(ask()).consume():
        pass
    return "done"


def finished_early():
    """The rest of a body is let go, and its trailers come."""
    body = got(ask()).consume()
    with body.stream() as stream:
        first = len(stream.blocking_read(10))
    late = types.IncomingBody.finish(body)
    with late.subscribe() as ready:
        ready.block()
    return first, late.get().value.value.entries()
