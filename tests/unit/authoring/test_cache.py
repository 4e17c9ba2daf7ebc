"""The cache of built components."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from workbench.authoring import cache as cache_module
from workbench.authoring.cache import Cache, default_cache_dir


def test_what_was_put_is_got_back(tmp_path: Path):
    cache = Cache(tmp_path)
    key = Cache.key("a", "b")
    assert cache.get(key) is None
    put = cache.put(key, b"\0asm", seconds=1.5)
    got = cache.get(key)
    assert got == put
    assert got is not None
    assert got.path.read_bytes() == b"\0asm"


def test_parts_of_a_key_are_kept_apart():
    assert Cache.key("ab", "c") != Cache.key("a", "bc")


def test_the_directory_is_private(tmp_path: Path):
    root = Cache(tmp_path).root
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", ["missing", "short", "garbage"])
def test_a_damaged_entry_is_no_entry_and_is_mended(tmp_path: Path, damage: str):
    cache = Cache(tmp_path)
    entry = cache.put("k", b"\0asm1234", seconds=1)
    if damage == "missing":
        entry.path.unlink()
    elif damage == "short":
        entry.path.write_bytes(b"\0a")
    else:
        (entry.path.parent / "build.json").write_text('{"digest": ')
    assert cache.get("k") is None
    assert cache.put("k", b"\0asm1234", seconds=1).path.read_bytes() == b"\0asm1234"
    assert cache.get("k") is not None
    assert [p for p in cache.root.iterdir() if p.name.startswith(".new-")] == []


def test_the_least_recently_used_entries_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache_module, "KEEP_ENTRIES", 2)
    cache = Cache(tmp_path)
    for age, key in enumerate(("old", "used")):
        cache.put(key, b"x", seconds=1)
        os.utime(cache.root / key, (age, age))
    assert cache.get("old") is not None  # now it is the one used last
    cache.put("new", b"x", seconds=1)
    assert cache.get("used") is None
    assert cache.get("old") is not None


def test_the_expectation_is_the_median_of_earlier_builds(tmp_path: Path):
    cache = Cache(tmp_path)
    assert cache.expected_seconds("python") is None
    for seconds in (1.0, 100.0, 9.0):
        cache.note_duration("python", seconds)
    assert cache.expected_seconds("python") == 9.0
    assert cache.expected_seconds("wat") is None
    (cache.root / "durations.json").write_text("[]")
    assert cache.expected_seconds("python") is None


def test_the_place_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("WASMCLOUD_WORKBENCH_CACHE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "wasmcloud-workbench"
    monkeypatch.setenv("WASMCLOUD_WORKBENCH_CACHE", str(tmp_path / "mine"))
    assert default_cache_dir() == tmp_path / "mine"
