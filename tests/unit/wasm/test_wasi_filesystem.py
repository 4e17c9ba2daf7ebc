"""Granted directories, from inside of a real Python component: in memory and real ones alike."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.wasm.wasi_probe import Guest
from workbench.errors import NotFound, Trap
from workbench.wasm import Grants, MemoryDirectory, RealDirectory
from workbench.wasm.grants import Directory

# The first test builds and compiles the probe, which takes minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Make = Callable[[dict[str, str]], Directory]


@pytest.fixture(params=["memory", "real"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a writable directory of either kind with some files in it."""

    def memory(files: dict[str, str]) -> Directory:
        return MemoryDirectory(files)

    def real(files: dict[str, str]) -> Directory:
        home = tmp_path / "granted"
        home.mkdir()
        for path, text in files.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text)
        return RealDirectory(home, writable=True)

    return memory if request.param == "memory" else real


def at_root(directory: Directory) -> Grants:
    return Grants(directories={"/": directory})


def test_a_file_is_read_and_written_anywhere_in_it(guest: Guest, make: Make) -> None:
    found = guest.run("files", "files()", at_root(make({})))
    assert found[:8] == [
        (b"ell", False), (b"lo", False), (b"", True), (b"", True), (b"", True),
        (b"hello\0\0\0!", False), 9, (b"he\0\0", False),
    ]  # fmt: skip
    assert found[8:] == [
        ["READ", "WRITE"], ["READ"], "REGULAR_FILE", ["MUTATE_DIRECTORY", "READ"], "DIRECTORY",
        True, False, True, False,
    ]  # fmt: skip


def test_streams_of_files_read_write_append_and_splice(guest: Guest, make: Make) -> None:
    read, written, spliced, rest, end, copy = guest.run(
        "files", "file_streams()", at_root(make({}))
    )
    assert read == [
        b"234", b"56", 1, 1, True, b"", b"9", "StreamError_Closed", "StreamError_Closed"
    ]  # fmt: skip
    assert written == copy == b"X1234567abcdeEND!"
    assert (spliced, rest, end) == ((4, 3, 0), 10, "StreamError_Closed")


def test_a_stream_lives_on_when_its_descriptor_and_its_file_are_gone(
    guest: Guest, make: Make
) -> None:
    found = guest.run("files", "stream_outlives_descriptor()", at_root(make({})))
    assert found == (b"0123456789", "StreamError_Closed")


def test_directories_and_links_answer_as_posix_says(guest: Guest, make: Make) -> None:
    listed, ended, links, errors, linked, gone = guest.run(
        "files", "directories()", at_root(make({}))
    )
    assert listed == [("e", "DIRECTORY"), ("f", "REGULAR_FILE"), ("link", "SYMBOLIC_LINK")]
    assert ended is None and links == 2 and gone == "NO_ENTRY"
    assert errors == [
        "EXIST", "NOT_EMPTY", "NOT_DIRECTORY", "IS_DIRECTORY", "EXIST", "IS_DIRECTORY",
        "NOT_DIRECTORY", "LOOP", "INVALID", "NO_ENTRY", "NOT_DIRECTORY", "NOT_DIRECTORY",
        "INVALID", "NO_ENTRY", "BAD_DESCRIPTOR", "IS_DIRECTORY", "BAD_DESCRIPTOR",
        "NOT_DIRECTORY", "NOT_DIRECTORY", "INVALID", "NOT_PERMITTED", "INVALID",
        "BAD_DESCRIPTOR",
    ]  # fmt: skip
    assert linked == ["f", "SYMBOLIC_LINK", "REGULAR_FILE", b"1"]


def test_times_are_set_to_the_nanosecond_or_left_alone(guest: Guest, make: Make) -> None:
    found = guest.run("files", "times()", at_root(make({})))
    assert found == (True, 2, True, True, True, True, ["OVERFLOW"])


def test_absurd_sizes_and_names_are_refused(guest: Guest, make: Make) -> None:
    assert guest.run("files", "limits()", at_root(make({}))) == [
        "INVALID", "INVALID", "INVALID", "StreamError_LastOperationFailed", None, (b"x", False),
        (b"", True),
        "NAME_TOO_LONG", "NAME_TOO_LONG", "INVALID", "INVALID", "NAME_TOO_LONG",
    ]  # fmt: skip


def test_pythons_own_library_finds_an_ordinary_file_system(guest: Guest, make: Make) -> None:
    directory = make({})
    lines, size, listed, missing = guest.run("files", "by_the_library()", at_root(directory))
    assert (lines, size, listed, missing) == (["one\n", "two\n", "three\n"], 14, ["er"], True)
    if isinstance(directory, MemoryDirectory):
        assert dict(directory) == {"deep/er/notes.txt": b"one\ntwo\nthree\n"}
    else:
        assert (Path(directory.path) / "deep/er/notes.txt").read_text() == "one\ntwo\nthree\n"


def test_no_path_and_no_link_leads_out_of_a_directory(
    guest: Guest, make: Make, tmp_path: Path
) -> None:
    directory = make({"here": "1", "inside/x": "2"})
    links = {
        "to-secret": "../secret", "to-above": "..", "absolute": "/etc/passwd", "loop": "loop",
        "dangling": "../created", "chain": "to-above", "inside/back": "..", "inside/up": "../here",
    }  # fmt: skip
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "dir").mkdir()
    for path, target in links.items():
        if isinstance(directory, MemoryDirectory):
            folder, name = directory._folder(path)
            directory.tree.make_link(folder, name, target)
        else:
            os.symlink(target, Path(directory.path) / path)
    before = (tmp_path / "secret").stat()
    assert guest.run("files", "escapes()", at_root(directory)) == {"loop": "LOOP"}
    after = (tmp_path / "secret").stat()
    assert (after.st_mtime_ns, after.st_nlink) == (before.st_mtime_ns, 1)
    assert set(os.listdir(tmp_path)) <= {"secret", "dir", "granted"}


def test_what_is_granted_for_reading_can_only_be_read(
    guest: Guest, make: Make, tmp_path: Path
) -> None:
    directory = make({"a": "1", "b/c": "2"})
    if isinstance(directory, MemoryDirectory):
        directory.writable = False
    else:
        directory = RealDirectory(directory.path)
    said, of_file = guest.run("files", "changes()", at_root(directory))
    assert said == set(of_file) == {"NOT_PERMITTED"}
    assert guest.run("files", "content(root(), 'b/c')", at_root(directory)) == b"2"


def test_nothing_is_moved_between_memory_and_a_disk(guest: Guest, tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    two = RealDirectory(tmp_path / "two", writable=True)
    grants = Grants(directories={"/one": MemoryDirectory(), "/two": two})
    said, _ = guest.run("files", "from_one_to_another()", grants)
    assert said == ["CROSS_DEVICE", "CROSS_DEVICE"] and not os.listdir(tmp_path / "two")
    grants = Grants(directories={"/one": MemoryDirectory(), "/two": MemoryDirectory()})
    assert guest.run("files", "from_one_to_another()", grants)[0] == ["CROSS_DEVICE"] * 2


def test_a_file_is_not_moved_into_a_directory_granted_for_reading(
    guest: Guest, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    grants = Grants(
        directories={
            "/one": RealDirectory(tmp_path / "one", writable=True),
            "/two": RealDirectory(tmp_path / "two"),
        }
    )
    said, _ = guest.run("files", "from_one_to_another()", grants)
    assert said == ["NOT_PERMITTED", "NOT_PERMITTED"]
    assert os.listdir(tmp_path / "one") == ["f"] and not os.listdir(tmp_path / "two")


def test_a_full_directory_says_so_and_gives_space_back_when_files_are_closed(
    guest: Guest,
) -> None:
    directory = MemoryDirectory(limit_bytes=100_000, limit_entries=20)
    written, said, after, made, more, held = guest.run("files", "fill_up()", at_root(directory))
    assert written == 24 * 4096 and after == "StreamError_Closed"
    assert said == ("INSUFFICIENT_SPACE", "No space left on device")
    assert (made, more) == (19, "INSUFFICIENT_SPACE")
    assert held == "INSUFFICIENT_SPACE", "removed, but still open"
    assert directory.tree.used_bytes == 0 and dict(directory) == {"g": b""}


def test_an_invocation_may_hold_a_bounded_number_of_open_files(guest: Guest, make: Make) -> None:
    directory = at_root(make({}))
    assert guest.run("files", "open_without_end()", directory) == (127, "INSUFFICIENT_MEMORY")
    assert guest.run("files", "list_without_end()", directory) == (127, "INSUFFICIENT_MEMORY")


def test_two_listings_at_once_do_not_disturb_each_other(guest: Guest, make: Make) -> None:
    found = guest.run("files", "list_twice_at_once()", at_root(make({})))
    assert found == [[None, "a", "b", "c"]] * 2


def test_deep_directories_are_reached_with_a_bounded_number_of_open_ones(
    guest: Guest, make: Make
) -> None:
    found = guest.run("files", "go_deep()", at_root(make({})))
    assert found == ("DIRECTORY", {None}, "DIRECTORY", "NAME_TOO_LONG")


def test_everything_a_failed_guest_left_open_is_closed(guest: Guest, tmp_path: Path) -> None:
    grants = at_root(RealDirectory(tmp_path, writable=True))
    guest.run("files", "listing()", grants)
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(Trap, match="on purpose"):
            guest.run("files", "leave_everything_open()", grants)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_names_that_are_no_text_and_files_of_other_kinds_do_no_harm(
    guest: Guest, tmp_path: Path
) -> None:
    (tmp_path / "plain").write_text("")
    (tmp_path / "link").symlink_to("plain")
    os.mkfifo(tmp_path / "pipe")
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff\xfe", os.O_CREAT))
    grants = at_root(RealDirectory(tmp_path, writable=True))
    assert guest.run("files", "listing()", grants) == [
        ("link", "SYMBOLIC_LINK"), ("pipe", "FIFO"), ("plain", "REGULAR_FILE"),
        "ILLEGAL_BYTE_SEQUENCE",
    ]  # fmt: skip
    said, writing = guest.run("files", "special_files()", grants)
    assert said == ["FIFO", "INVALID_SEEK", "StreamError_LastOperationFailed"]
    assert writing == "NO_SUCH_DEVICE", "no reader: a blocking open would wait for ever"


def test_a_granted_directory_that_is_not_there_is_named(guest: Guest, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere can't be opened: No such file") as caught:
        guest.run("files", "listing()", at_root(RealDirectory(tmp_path / "nowhere")))
    assert "grant a directory that exists" in caught.value.hint


def test_two_invocations_share_a_memory_directory(guest: Guest) -> None:
    directory = MemoryDirectory()
    guest.run("files", "write(root(), 'kept', b'1') and 1", at_root(directory))
    assert guest.run("files", "content(root(), 'kept')", at_root(directory)) == b"1"
    directory["kept"] = "new"
    found: Any = guest.run("files", "content(root(), 'kept')", at_root(directory))
    assert found == b"new"
