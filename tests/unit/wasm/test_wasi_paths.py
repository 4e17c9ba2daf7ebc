"""Paths inside of granted directories, without a component: the two kinds agree, and hold tight."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wasm.path_operations import ONE, TWO, outcome
from workbench.wasm import MemoryDirectory, RealDirectory
from workbench.wasm.wasi.filesystem_memory import open_memory
from workbench.wasm.wasi.filesystem_real import open_real

SECRET = b"outside"


parts = st.sampled_from(["a", "b", "c", ".", "..", ""])
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)
operations = st.one_of(
    st.tuples(st.sampled_from(sorted(ONE)), paths),
    st.tuples(st.sampled_from(sorted(TWO)), paths, paths),
)


@settings(max_examples=150)
@given(st.lists(operations, min_size=3, max_size=25))
def test_memory_answers_whatever_a_disk_answers_and_nothing_gets_out(
    steps: list[tuple[str, ...]],
) -> None:
    with TemporaryDirectory() as above:
        inside = Path(above, "inside")
        inside.mkdir()
        Path(above, "a").write_bytes(SECRET)
        real = open_real(RealDirectory(inside, writable=True))
        memory = open_memory(MemoryDirectory())
        try:
            for step in steps:
                assert outcome(memory, step) == (found := outcome(real, step)), step
                assert found != SECRET, step
            assert sorted(os.listdir(above)) == ["a", "inside"]
            assert Path(above, "a").read_bytes() == SECRET
        finally:
            real.close()
            memory.close()


def test_a_link_that_is_swapped_in_while_we_walk_leads_nowhere(tmp_path: Path) -> None:
    """Another process turns a folder into a link to the outside and back, as fast as it can."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside / "real", outside):
        folder.mkdir(parents=True)
    (inside / "real" / "f").write_bytes(b"inside")
    (outside / "f").write_bytes(SECRET)
    (inside / "link").symlink_to(outside)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(inside / "real", inside / "door")
            os.rename(inside / "door", inside / "real")
            os.rename(inside / "link", inside / "door")
            os.rename(inside / "door", inside / "link")

    swapper = threading.Thread(target=swap)
    swapper.start()
    base = open_real(RealDirectory(inside, writable=True))
    seen: dict[Any, int] = {}
    try:
        for _ in range(4000):
            found = outcome(base, ("read", "door/f"))
            seen[found] = seen.get(found, 0) + 1
    finally:
        stop.set()
        swapper.join()
        base.close()
    assert SECRET not in seen
    assert seen.keys() <= {b"inside", "no-entry", "not-permitted", "not-directory", "loop"}
    assert len(seen) >= 2, "the race has been run"


def test_a_folder_that_is_moved_away_while_we_are_in_it_is_no_way_out(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    (inside / "deep" / "er").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(SECRET)
    base = open_real(RealDirectory(inside, writable=True))
    deep = base.enter("deep")
    os.rename(inside / "deep", tmp_path / "elsewhere")
    try:
        assert outcome(deep, ("read", "../secret")) == "not-permitted"
        assert outcome(deep, ("read", "er/../../secret")) == "not-permitted"
    finally:
        deep.close()
        base.close()


@pytest.mark.parametrize(
    "path", ["x" * 5000, "a/" * 3000, "\0", "a\0b", "", "/", "//a", "..", "a/../.."]
)
def test_hostile_paths_are_refused_and_leave_nothing_open(tmp_path: Path, path: str) -> None:
    (tmp_path / "a").mkdir()
    base = open_real(RealDirectory(tmp_path, writable=True))
    before = os.listdir("/proc/self/fd")
    assert isinstance(outcome(base, ("read", path)), str)
    assert len(os.listdir("/proc/self/fd")) == len(before)
    base.close()
