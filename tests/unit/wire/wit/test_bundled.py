"""The bundled packages: complete, served in any 0.2 version, accepted by real tools."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import pytest

from workbench.errors import WitResolveError
from workbench.wire.wit.bundled import bundled, bundled_dir, is_wasi_version, new_resolver
from workbench.wire.wit.parse import parse_package
from workbench.wire.wit.types import Function, Interface, Variant

GOLDEN = Path(__file__).parents[3] / "golden" / "wit"


def texts() -> list[str]:
    root = resources.files("workbench.wire.wit") / "packages"
    return [f.read_text() for d in root.iterdir() for f in d.iterdir() if f.name.endswith(".wit")]


def test_every_bundled_package_resolves() -> None:
    packages = bundled().packages
    assert {
        "wasi:io@0.2.8", "wasi:cli@0.2.8", "wasi:clocks@0.2.8", "wasi:random@0.2.8",
        "wasi:filesystem@0.2.8", "wasi:sockets@0.2.8", "wasi:http@0.2.8",
        "wasi:config@0.2.0-draft", "wasi:logging", "wasi:logging@0.1.0-draft",
        "wasi:keyvalue@0.2.0-draft", "wasi:blobstore@0.2.0-draft", "wasmcloud:bus@1.0.0",
        "wasmcloud:bus@2.0.0", "wasmcloud:messaging@0.2.0", "wasmcloud:messaging@0.3.0",
        "wasmcloud:secrets@0.1.0-draft", "wasmcloud:identity@0.0.1", "wrpc:http@0.1.0",
        "wrpc:keyvalue@0.2.0-draft", "wrpc:blobstore@0.1.0", "wrpc:blobstore@0.2.0",
    } <= set(packages)  # fmt: skip


@pytest.mark.parametrize("version", ["0.2.0", "0.2.2", "0.2.6", "0.2.17"])
def test_wasi_is_served_in_any_version_asked_for(version: str) -> None:
    made = new_resolver()
    made.add_text(f"package t:t; world w {{ export wasi:http/incoming-handler@{version}; }}")
    assert set(made.world().imports) == {
        f"wasi:{name}@{version}"
        for name in ("http/types", "io/streams", "io/poll", "io/error", "clocks/monotonic-clock")
    }


def test_items_newer_than_the_version_are_left_out() -> None:
    assert "field-name" not in bundled().interface("wasi:http/types@0.2.0").types
    assert "field-name" in bundled().interface("wasi:http/types@0.2.1").types
    assert "exit-with-code" not in bundled().interface("wasi:cli/exit@0.2.6").functions


@pytest.mark.parametrize("version", ["0.2.100", "0.3.0", "0.2.0-rc-2023-11-10", ""])
def test_other_versions_of_wasi_are_not_made_up(version: str) -> None:
    assert not is_wasi_version(version)
    with pytest.raises(WitResolveError, match="is not known"):
        bundled().interface(f"wasi:io/poll@{version or '9.9.9'}")
    with pytest.raises(WitResolveError, match=r"no WASI 0\.2 version"):
        bundled_dir(version)


def test_the_shared_resolver_takes_no_texts() -> None:
    with pytest.raises(WitResolveError, match="shared"):
        bundled().add_text("package t:t;")


def test_the_worlds_of_the_recorded_components_resolve() -> None:
    made = new_resolver(wasi="0.2.2")
    for name in ("greeter", "front", "hello", "sink"):
        made.add_dir(GOLDEN / f"{name}.wit")
    front = made.world("front")
    assert "demo:greet/greeter@0.1.0" in front.imports
    # With one WASI version for all, nothing is imported twice.
    assert not [id for id in front.imports if id.startswith("wasi:io") and "0.2.2" not in id]
    greeter = made.world("greet").exports["demo:greet/greeter@0.1.0"]
    assert isinstance(greeter, Interface)
    assert str(greeter.functions["describe"]) == (
        "describe: func(p: person) -> result<summary, string>"
    )


def test_the_cases_of_wrpc_http_have_the_recorded_order() -> None:
    types = bundled().interface("wasi:http/types@0.2.0").types
    method, error = types["method"], types["error-code"]
    assert isinstance(method, Variant) and isinstance(error, Variant)
    methods = "get head post put delete connect options trace patch other"
    assert [name for name, _ in method.cases] == methods.split()
    places = {name: index for index, (name, _) in enumerate(error.cases)}
    assert len(places) == 39
    assert places["connection-refused"] == 6
    assert places["HTTP-request-denied"] == 15
    assert places["HTTP-response-timeout"] == 33
    assert places["internal-error"] == 38


def test_the_wire_functions_of_keyvalue_take_the_bucket_by_name() -> None:
    store = bundled().interface("wrpc:keyvalue/store@0.2.0-draft")
    assert [str(f) for f in store.functions.values()] == [
        "get: func(bucket: string, key: string) -> result<option<list<u8>>, error>",
        "set: func(bucket: string, key: string, value: list<u8>) -> result<_, error>",
        "delete: func(bucket: string, key: string) -> result<_, error>",
        "exists: func(bucket: string, key: string) -> result<bool, error>",
        "list-keys: func(bucket: string, cursor: option<u64>) -> result<key-response, error>",
    ]


def test_the_texts_are_signatures_alone() -> None:
    assert all("//" not in text and "/*" not in text for text in texts())


def test_all_texts_parse_quickly() -> None:
    best = 1.0
    for _ in range(3):
        start = time.perf_counter()
        for text in texts():
            parse_package(text)
        best = min(best, time.perf_counter() - start)
    # Measured 15 ms; the bound leaves room for a busy machine.
    assert best < 0.2


def test_a_directory_is_made_once_per_version(tmp_path: Path) -> None:
    first = bundled_dir("0.2.2", tmp_path)
    stamp = first.stat().st_mtime_ns
    assert bundled_dir("0.2.2", tmp_path) == first
    assert first.stat().st_mtime_ns == stamp
    other = bundled_dir("0.2.3", tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([first, other])
    written = "".join(f.read_text() for f in first.rglob("*.wit"))
    assert set(re.findall(r"wasi:(?:io|http)/\w+@([\w.]+\w)", written)) == {"0.2.2"}


def test_our_own_resolver_reads_the_directory(tmp_path: Path) -> None:
    made = new_resolver()
    assert made.add_dir(bundled_dir("0.2.4", tmp_path)) == "workbench:bundled"
    function = made.interface("wasi:cli/run@0.2.4").functions["run"]
    assert isinstance(function, Function)


ALL = """package t:all;
world all {
  include wasi:cli/imports@0.2.2;
  include wasi:http/imports@0.2.2;
  import wasi:config/store@0.2.0-draft;
  import wasi:config/runtime@0.2.0-draft;
  import wasi:logging/logging@0.1.0-draft;
  include wasi:keyvalue/imports@0.2.0-draft;
  include wasi:blobstore/imports@0.2.0-draft;
  import wasmcloud:bus/lattice@2.0.0;
  import wasmcloud:messaging/consumer@0.2.0;
  import wasmcloud:secrets/reveal@0.1.0-draft;
  export wasi:http/incoming-handler@0.2.2;
  export wasmcloud:messaging/handler@0.2.0;
}
"""


# 0.2.0 is the one that must not show what came later.
@pytest.mark.parametrize("version", ["0.2.0", "0.2.2"])
def test_componentize_py_accepts_a_world_of_everything(tmp_path: Path, version: str) -> None:
    world = tmp_path / "all.wit"
    text = ALL.replace("@0.2.2", f"@{version}")
    world.write_text(text)
    tool = Path(sys.executable).with_name("componentize-py")
    wit = ["-d", bundled_dir(version, tmp_path / "wit"), "-d", world, "-w", "t:all/all"]
    done = subprocess.run(
        [tool, *wit, "bindings", tmp_path / "out"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[:2000]
    made = new_resolver(wasi=version)
    made.add_text(text)
    bindings = {f.stem for f in (tmp_path / "out" / "wit_world" / "imports").glob("*.py")}
    assert len(bindings - {"__init__"}) == len(made.world().imports)
