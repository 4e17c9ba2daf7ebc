# pyright: reportUndefinedVariable=false
# ruff: noqa: F821 (what a script gets from the prelude)
"""Fields: what they hold, refuse and share."""


def holds():
    made = types.Fields.from_list([("X-One", b"1"), ("x-two", b"\xff\x80"), ("x-one", b"2")])
    copy = made.clone()
    copy.append("X-ONE", b"3")
    copy.set("x-two", [b"a", b"b"])
    copy.delete("absent")
    copy.set("x-gone", [b"x"])
    copy.delete("X-Gone")
    return (
        made.get("x-ONE"), made.get("absent"), made.has("X-Two"), made.has("absent"),
        made.entries(), copy.entries(), types.Fields().entries(),
    )  # fmt: skip


def refuses():
    made = types.Fields()
    return [
        attempt(made.append, "bad name", b""),
        attempt(made.append, "", b""),
        attempt(made.append, "x-a", b"line\nbreak"),
        attempt(made.set, "x-a", [b"fine", b"\0"]),
        attempt(made.set, "x a", []),
        attempt(made.delete, "x\ta"),
        attempt(made.append, "Host", b"me"),
        attempt(made.set, "transfer-encoding", [b"chunked"]),
        attempt(made.delete, "connection"),
        attempt(types.Fields.from_list, [("x-a", b"1"), ("keep-alive", b"1")]),
        attempt(types.Fields.from_list, [("x-a", b"1"), ("x:b", b"1")]),
        made.entries(),
    ]


def stay():
    """Fields that were given away can be looked at, and copies of them changed."""
    request = types.OutgoingRequest(types.Fields.from_list([("x-a", b"1")]))
    taken = request.headers()
    copy = taken.clone()
    copy.append("x-b", b"2")
    return [
        attempt(taken.append, "x-b", b""),
        attempt(taken.set, "x-a", [b""]),
        attempt(taken.delete, "x-a"),
        taken.entries(),
        copy.entries(),
    ]


def without_end():
    made = types.Fields()
    while True:
        made.append("x-a", b"x" * 1000)
