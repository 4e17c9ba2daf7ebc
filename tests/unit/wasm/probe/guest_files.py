# pyright: reportUndefinedVariable=false, reportPossiblyUnboundVariable=false
# ruff: noqa: F821 (the names are those of guest_prelude.py)
"""Guest scripts: files and directories, on whatever is granted as ``/``."""


def names(flags):
    return sorted(flag.name for flag in flags)


def files():
    folder = root()
    file = write(folder, "a.txt", b"hello")
    found = [file.read(3, 1), file.read(10, 3), file.read(1, 5), file.read(0, 0), file.read(9, 99)]
    file.write(b"!", 8)
    found += [file.read(99, 0), file.stat().size]
    file.set_size(2)
    file.set_size(4)
    found.append(file.read(99, 0))
    file.advise(0, 4, fs.Advice.SEQUENTIAL)
    file.sync_data()
    file.sync()
    again = folder.open_at(STAY, "a.txt", PLAIN, READ)
    found += [
        names(file.get_flags()),
        names(again.get_flags()),
        file.get_type().name,
        names(folder.get_flags()),
        folder.get_type().name,
        file.is_same_object(again),
        file.is_same_object(folder),
        file.metadata_hash() == folder.metadata_hash_at(STAY, "a.txt"),
        file.metadata_hash() == folder.metadata_hash(),
    ]
    return found


def file_streams():
    folder = root()
    file = write(folder, "s", b"0123456789")
    with file.read_via_stream(2) as stream:
        read = [stream.read(3), stream.blocking_read(2), stream.skip(1), stream.blocking_skip(1)]
        with stream.subscribe() as ready:
            read.append(ready.ready())
        read += [stream.read(0), *drain(stream), attempt(stream.read, 1)]
    with file.write_via_stream(8) as out:
        out.blocking_write_and_flush(b"abc")
        out.write(b"de")
        out.blocking_flush()
    with file.append_via_stream() as out:
        out.blocking_write_and_flush(b"END")
        file.write(b"X", 0)
        out.blocking_write_and_flush(b"!")
    other = write(folder, "t", b"")
    with file.read_via_stream(0) as source, other.write_via_stream(0) as out:
        spliced = out.splice(source, 4), out.blocking_splice(source, 3), out.splice(source, 0)
        rest = out.blocking_splice(source, 1 << 40)
        end = attempt(out.splice, source, 1)
    return read, content(folder, "s"), spliced, rest, end, content(folder, "t")


def stream_outlives_descriptor():
    folder = root()
    file = write(folder, "s", b"0123456789")
    stream = file.read_via_stream(0)
    file.__exit__(None, None, None)
    folder.unlink_file_at("s")
    return drain(stream)


def directories():
    folder = root()
    folder.create_directory_at("d")
    folder.create_directory_at("d/e")
    write(folder, "d/f", b"1")
    folder.symlink_at("f", "d/link")
    listing, found = folder.open_at(STAY, "d", DIRECTORY, READ).read_directory(), []
    while (entry := listing.read_directory_entry()) is not None:
        found.append((entry.name, entry.type.name))
    ended = listing.read_directory_entry()
    inner = folder.open_at(STAY, "d/e", PLAIN, READ)
    folder.link_at(STAY, "d/f", folder, "d/hard")
    folder.rename_at("d/hard", inner, "moved")
    facts = folder.stat_at(STAY, "d/e/moved")
    errors = [
        attempt(folder.create_directory_at, "d"),
        attempt(folder.remove_directory_at, "d"),
        attempt(folder.remove_directory_at, "d/f"),
        attempt(folder.unlink_file_at, "d"),
        attempt(folder.open_at, STAY, "d/f", CREATE | EXCLUSIVE, WRITE),
        attempt(folder.open_at, STAY, "d", PLAIN, WRITE),
        attempt(folder.open_at, STAY, "d/f", DIRECTORY, READ),
        attempt(folder.open_at, STAY, "d/link", PLAIN, READ),
        attempt(folder.open_at, STAY, "d", DIRECTORY | CREATE, READ),
        attempt(folder.open_at, STAY, "gone", PLAIN, READ),
        attempt(folder.open_at, STAY, "d/f/x", PLAIN, READ),
        attempt(folder.open_at, STAY, "d/f/", PLAIN, READ),
        attempt(folder.rename_at, "d", folder, "d/e/d"),
        attempt(folder.stat_at, STAY, ""),
        attempt(inner.read, 1, 0),
        attempt(inner.read_via_stream, 0),
        attempt(folder.open_at(STAY, "d/f", PLAIN, READ).write, b"x", 0),
        attempt(folder.open_at(STAY, "d/f", PLAIN, READ).read_directory),
        attempt(folder.open_at(STAY, "d/f", PLAIN, READ).stat_at, STAY, "x"),
        attempt(folder.link_at, FOLLOW, "d/f", folder, "x"),
        attempt(folder.link_at, STAY, "d", folder, "x"),
        attempt(folder.readlink_at, "d/f"),
        attempt(folder.open_at(STAY, "d/f", PLAIN, WRITE).read, 1, 0),
    ]
    links = [
        folder.readlink_at("d/link"),
        folder.stat_at(STAY, "d/link").type.name,
        folder.stat_at(FOLLOW, "d/link").type.name,
        content(folder, "d/../d/./link"),
    ]
    folder.unlink_file_at("d/link")
    folder.unlink_file_at("d/e/moved")
    folder.remove_directory_at("d/e")
    gone = attempt(folder.stat_at, STAY, "d/e")
    return sorted(found), ended, facts.link_count, errors, links, gone


def times():
    folder = root()
    file = write(folder, "t", b"")
    at = fs.NewTimestamp_Timestamp
    moment = wall_clock.Datetime(1_000_000_000, 500)
    file.set_times(at(moment), at(wall_clock.Datetime(2, 0)))
    first = file.stat()
    folder.set_times_at(STAY, "t", fs.NewTimestamp_NoChange(), fs.NewTimestamp_Now())
    second = folder.stat_at(STAY, "t")
    folder.set_times_at(STAY, ".", at(moment), at(moment))
    errors = [
        attempt(file.set_times, at(wall_clock.Datetime(2**64 - 1, 0)), fs.NewTimestamp_Now()),
    ]
    return (
        first.data_access_timestamp == moment,
        first.data_modification_timestamp.seconds,
        second.data_access_timestamp == moment,
        second.data_modification_timestamp.seconds > 1_700_000_000,
        folder.stat().data_modification_timestamp == moment,
        first.status_change_timestamp.seconds > 1_700_000_000,
        errors,
    )


def odd_calls():
    """What is meant for files on a directory, and the directory itself as a name in it."""
    folder = root()
    write(folder, "f", b"")
    return [
        attempt(folder.read_via_stream, 0),
        attempt(folder.write_via_stream, 0),
        attempt(folder.append_via_stream),
        attempt(folder.read, 1, 0),
        attempt(folder.write, b"x", 0),
        attempt(folder.set_size, 1),
        attempt(folder.advise, 0, 0, fs.Advice.NORMAL),
        attempt(folder.sync),
        attempt(folder.sync_data),
        attempt(folder.unlink_file_at, "."),
        attempt(folder.remove_directory_at, "."),
        attempt(folder.create_directory_at, "."),
        attempt(folder.rename_at, ".", folder, "x"),
        attempt(folder.symlink_at, "x", "."),
        attempt(folder.readlink_at, "."),
        attempt(folder.link_at, STAY, ".", folder, "x"),
        attempt(folder.open_at, STAY, ".", CREATE, READ),
        attempt(folder.open_at, STAY, ".", CREATE | EXCLUSIVE, READ),
        attempt(folder.open_at, STAY, "f", PLAIN, fs.DescriptorFlags.REQUESTED_WRITE_SYNC),
        attempt(folder.symlink_at, "", "l"),
        attempt(folder.symlink_at, "x", "nowhere/l"),
        attempt(folder.symlink_at, "x", "nowhere/"),
        attempt(folder.stat_at, STAY, "f/"),
    ]


def flags():
    """What descriptors say that they were opened for."""
    folder = root()
    opened = [
        folder,
        folder.open_at(STAY, "a", CREATE, READ),
        folder.open_at(STAY, "b", CREATE, WRITE),
        folder.open_at(STAY, "a", PLAIN, fs.DescriptorFlags(0)),
        folder.open_at(STAY, "a", EXCLUSIVE, READ),
        folder.open_at(STAY, "a", TRUNCATE, READ),
        folder.open_at(STAY, "a", PLAIN, READ | WRITE),
        folder.open_at(STAY, ".", DIRECTORY, READ),
        folder.open_at(STAY, ".", DIRECTORY, fs.DescriptorFlags(0)),
        folder.open_at(STAY, ".", DIRECTORY, READ | fs.DescriptorFlags.MUTATE_DIRECTORY),
    ]
    return [names(each.get_flags()) for each in opened]


def limits():
    folder = root()
    file = write(folder, "big", b"x")
    return [
        attempt(file.write, b"x", 2**63),
        attempt(file.write, b"x", 2**64 - 1),
        attempt(file.set_size, 2**64 - 1),
        attempt(file.read_via_stream(2**64 - 1).blocking_read, 1),
        attempt(file.advise, 2**64 - 1, 1, fs.Advice.NORMAL),
        file.read(2**64 - 1, 0),
        file.read(2**64 - 1, 2**62),
        attempt(folder.create_directory_at, "n" * 256),
        attempt(folder.create_directory_at, "n/" * 5000),
        attempt(folder.stat_at, STAY, "a\0b"),
        attempt(folder.symlink_at, "a\0b", "x"),
        attempt(folder.symlink_at, "t" * 5000, "x"),
    ]


def escapes():
    """Ways out of the directory, and what is said to each."""
    folder = root()
    tried = {
        path: attempt(folder.open_at, FOLLOW, path, PLAIN, READ)
        for path in (
            "..", "../secret", "/etc/passwd", "inside/../../secret", "./.././secret",
            "to-secret", "to-above/secret", "absolute", "loop", "inside/back/../../secret",
            "chain", "to-above/../secret",
        )
    }  # fmt: skip
    inside = folder.open_at(STAY, "inside", DIRECTORY, READ)
    tried["from inside"] = attempt(inside.open_at, FOLLOW, "../here", PLAIN, READ)
    tried["from inside by link"] = attempt(inside.open_at, FOLLOW, "up", PLAIN, READ)
    for name, change in {
        "mkdir": lambda: folder.create_directory_at("../new"),
        "mkdir by link": lambda: folder.create_directory_at("to-above/new"),
        "create by link": lambda: folder.open_at(FOLLOW, "dangling", CREATE, WRITE),
        "symlink": lambda: folder.symlink_at("/etc", "etc"),
        "symlink out": lambda: folder.symlink_at("x", "../x"),
        "rename out": lambda: folder.rename_at("here", folder, "../here"),
        "rename in": lambda: folder.rename_at("../secret", folder, "got"),
        "link in": lambda: folder.link_at(STAY, "../secret", folder, "got"),
        "link by link": lambda: folder.link_at(STAY, "to-above/secret", folder, "got"),
        "unlink": lambda: folder.unlink_file_at("to-above/secret"),
        "rmdir": lambda: folder.remove_directory_at("to-above/dir"),
        "times": lambda: folder.set_times_at(
            FOLLOW, "to-secret", fs.NewTimestamp_Now(), fs.NewTimestamp_Now()
        ),
        "stat": lambda: folder.stat_at(FOLLOW, "to-secret"),
        "hash": lambda: folder.metadata_hash_at(FOLLOW, "to-secret"),
        "absolute readlink": lambda: folder.readlink_at("absolute"),
    }.items():
        tried[name] = attempt(change)
    return {way: said for way, said in tried.items() if said != "NOT_PERMITTED"}


def changes():
    """Everything that changes something, with what is said to it."""
    folder = root()
    file = folder.open_at(STAY, "a", PLAIN, READ)
    now = fs.NewTimestamp_Now()
    return {
        attempt(change)
        for change in (
            lambda: folder.open_at(STAY, "a", PLAIN, WRITE),
            lambda: folder.open_at(STAY, "a", TRUNCATE, READ),
            lambda: folder.open_at(STAY, "new", CREATE, READ),
            lambda: folder.create_directory_at("d"),
            lambda: folder.remove_directory_at("b"),
            lambda: folder.unlink_file_at("a"),
            lambda: folder.symlink_at("a", "l"),
            lambda: folder.link_at(STAY, "a", folder, "l"),
            lambda: folder.rename_at("a", folder, "l"),
            lambda: folder.set_times_at(STAY, "a", now, now),
            lambda: folder.set_times(now, now),
            lambda: file.set_times(now, now),
        )
    }, [attempt(file.write, b"x", 0), attempt(file.set_size, 0), attempt(file.append_via_stream)]


def from_one_to_another():
    one, two = root("/one"), root("/two")
    write(one, "f", b"1")
    said = [attempt(one.rename_at, "f", two, "g"), attempt(one.link_at, STAY, "f", two, "h")]
    return said, attempt(two.stat_at, STAY, "g").__class__.__name__


def fill_up():
    """Write until there is no space left, then free it again."""
    folder = root()
    file = write(folder, "f", b"")
    with file.write_via_stream(0) as out:
        written, failed = 0, None
        while failed is None:
            try:
                out.blocking_write_and_flush(b"x" * 4096)
                written += 4096
            except Err as error:
                failed = error.value.value
        said = fs.filesystem_error_code(failed).name, failed.to_debug_string()
        after = attempt(out.check_write)
    made = 0
    while not isinstance(more := attempt(folder.create_directory_at, f"d{made}"), str):
        made += 1
    folder.unlink_file_at("f")
    held = attempt(write, folder, "g", b"x" * 4096)
    file.__exit__(None, None, None)
    return written, said, after, made, more, held


def wrong_stream():
    """A stream of a file that turns out to be a pipe, and what is said of it."""
    try:
        root().open_at(STAY, "pipe", PLAIN, READ).read_via_stream(0).blocking_read(1)
    except Err as error:
        failed = error.value.value
    return fs.filesystem_error_code(failed).name, failed.to_debug_string()


def open_without_end():
    folder, held = root(), []
    write(folder, "f", b"")
    while True:
        try:
            held.append(folder.open_at(STAY, "f", PLAIN, READ))
        except Err as error:
            return len(held), error.value.name


def list_without_end():
    folder, held = root(), []
    while True:
        try:
            held.append(folder.read_directory())
        except Err as error:
            return len(held), error.value.name


def list_twice_at_once():
    folder = root()
    for name in "abc":
        write(folder, name, b"")
    one, two = folder.read_directory(), folder.read_directory()
    found = [set(), set()]
    for _ in range(4):
        for entries, names in zip((one, two), found, strict=True):
            entry = entries.read_directory_entry()
            names.add(entry and entry.name)
    return [sorted(names, key=str) for names in found]


def by_the_library():
    """The same through Python's own library, which sees an ordinary file system."""
    with open("/notes.txt", "w") as file:
        file.write("one\ntwo\n")
    with open("/notes.txt", "a") as file:
        file.write("three\n")
    os.makedirs("/deep/er", exist_ok=True)
    os.rename("/notes.txt", "/deep/er/notes.txt")
    with open("/deep/er/notes.txt") as file:
        lines = file.readlines()
    size = os.stat("/deep/er/notes.txt").st_size
    try:
        open("/deep/none").close()
    except FileNotFoundError as error:
        missing = error.errno == 44
    return lines, size, sorted(os.listdir("/deep")), missing


def listing():
    """What is in the directory, and the errors on the way."""
    entries, found = root().read_directory(), []
    while (entry := attempt(entries.read_directory_entry)) is not None:
        found.append(entry if isinstance(entry, str) else (entry.name, entry.type.name))
    return sorted(found, key=str)


def special_files():
    """Neither a pipe without a writer nor a device may hold the guest up."""
    folder = root()
    pipe = folder.open_at(STAY, "pipe", PLAIN, READ)
    said = [pipe.get_type().name, attempt(pipe.read, 1, 0)]
    with pipe.read_via_stream(0) as stream:
        said.append(attempt(stream.blocking_read, 1))
    pipe.__exit__(None, None, None)
    return said, attempt(folder.open_at, STAY, "pipe", PLAIN, WRITE)


def go_deep():
    folder, path = root(), "d"
    for _ in range(90):
        folder.create_directory_at(path)
        path += "/d"
    deep = folder.open_at(STAY, path[:-2], DIRECTORY, READ)
    more = {attempt(deep.create_directory_at, "/".join("d" * n)) for n in range(1, 60)}
    far = folder.stat_at(STAY, path + "/d" * 50).type.name
    back = folder.stat_at(STAY, "d/../" * 300).type.name
    # 120 folders down and up again is more than we keep in mind, and more than anybody needs.
    down_and_up = attempt(folder.stat_at, STAY, "d/" * 120 + "../" * 120)
    return far, more, back, down_and_up if isinstance(down_and_up, str) else "DIRECTORY"


def leave_everything_open():
    folder = root()
    file = write(folder, "f", b"1")
    kept = folder, file, file.read_via_stream(0), file.append_via_stream(), folder.read_directory()
    kept[-1].read_directory_entry()
    raise ValueError("on purpose")
