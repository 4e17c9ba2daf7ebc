# pyright: reportUndefinedVariable=false
# ruff: noqa: F821 (what a script gets from the prelude)
"""Outgoing messages, their bodies and options, looked at before they are sent."""


def request_parts():
    made = types.OutgoingRequest(types.Fields())
    before = (made.method(), made.path_with_query(), made.scheme(), made.authority())
    set_ = [
        attempt(made.set_method, types.Method_Other("PURGE")),
        attempt(made.set_path_with_query, "/a?b=c"),
        attempt(made.set_scheme, types.Scheme_Other("ftp")),
        attempt(made.set_authority, "[::1]:80"),
    ]
    after = (made.method(), made.path_with_query(), made.scheme(), made.authority())
    refused = [
        attempt(made.set_method, types.Method_Other("no method")),
        attempt(made.set_path_with_query, "/a b"),
        attempt(made.set_scheme, types.Scheme_Other("1:")),
        attempt(made.set_authority, "a/b"),
        attempt(made.set_authority, ""),
    ]
    return shown(before), set_, shown(after), refused


def methods():
    made = types.OutgoingRequest(types.Fields())
    found = []
    for name in ["Get", "Head", "Post", "Put", "Delete", "Connect", "Options", "Trace", "Patch"]:
        made.set_method(getattr(types, f"Method_{name}")())
        found.append(shown(made.method()))
    return found


def response_parts():
    made = types.OutgoingResponse(types.Fields.from_list([("x-a", b"1")]))
    return (
        made.status_code(),
        [attempt(made.set_status_code, status) for status in (99, 1000, 404)],
        made.status_code(),
        made.headers().entries(),
    )


def bodies_once():
    made = types.OutgoingResponse(types.Fields())
    body = made.body()
    with body.write() as stream:
        room = stream.check_write()
    return attempt(made.body), attempt(body.write), room > 0


def lengths():
    found = []
    for length, chunks in ((b"5", (b"hello",)), (b"5", (b"hel",)), (b"0", ()), (b"3", ())):
        made = types.OutgoingRequest(types.Fields.from_list([("content-length", length)]))
        body = made.body()
        write(body, *chunks)
        found.append(attempt(types.OutgoingBody.finish, body, None))
    return found


def too_long():
    made = types.OutgoingResponse(types.Fields.from_list([("content-length", b"4")]))
    body = made.body()
    stream = body.write()
    stream.write(b"four")
    return attempt(stream.write, b"!"), attempt(stream.write, b"again"), attempt(stream.check_write)


def no_length():
    found = []
    for lengths in ([b"many"], [b"-1"], [b"1", b"2"], [b"1" * 40], [b"7", b"7"]):
        fields = types.Fields()
        fields.set("content-length", lengths)
        found.append(attempt(types.OutgoingResponse(fields).body))
    return found


def after_finish():
    made = types.OutgoingResponse(types.Fields())
    body = made.body()
    stream = body.write()
    stream.blocking_write_and_flush(b"x")
    types.OutgoingBody.finish(body, None)
    return attempt(stream.check_write), attempt(stream.blocking_write_and_flush, b"y")


def options():
    made = types.RequestOptions()
    names = ("connect", "first_byte", "between_bytes")
    before = [getattr(made, f"{name}_timeout")() for name in names]
    for at, name in enumerate(names):
        getattr(made, f"set_{name}_timeout")(at + 1)
    after = [getattr(made, f"{name}_timeout")() for name in names]
    made.set_connect_timeout(None)
    return before, after, made.connect_timeout()
