"""The toolchains: which are there, and how each makes a component of a source file."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.authoring import build_component
from workbench.authoring.cache import Cache
from workbench.authoring.worlds import find_target

HERE = Path(__file__).parent
SOURCES = HERE / "sources"
WIT = HERE.parent / "golden" / "wit"
OLD_PYTHON = HERE.parents[1] / "build" / "toolchains" / "componentize-py-0.16.0"
NODE_MODULES = HERE / "node_modules"
RUST_TARGET = "wasm32-wasip2"
# The command line of jco 1.35 finds no WIT file; its library takes the text.
_EMBED = """
import { readFile, writeFile } from 'node:fs/promises';
import { componentEmbed, componentNew } from '@bytecodealliance/jco';
const [core, witSource, out] = process.argv.slice(1);
const binary = await componentEmbed({ binary: await readFile(core), witSource });
await writeFile(out, await componentNew(binary));
"""
_OLD_SCRIPT = "import sys; from componentize_py import script; sys.exit(script())"


def needs(found: object, what: str) -> None:
    if not found:
        pytest.skip(f"{what} is not here: `make toolchains` installs what can be installed")


def cached(parts: list[str], build: Callable[[], bytes]) -> bytes:
    """What ``build`` made of the same parts before, or makes now."""
    cache, key = Cache(), Cache.key("toolchains 1", *parts)
    entry = cache.get(key) or cache.put(key, build(), seconds=0.0)
    return entry.path.read_bytes()


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> None:
    """Run a tool; its output is the failure's message."""
    environment = {"PYTHONPATH": str(path)} if path is not None else None
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def old_python(name: str, world: str, folder: Path) -> bytes:
    """By componentize-py 0.16.0."""
    needs((OLD_PYTHON / "componentize_py").is_dir(), "componentize-py 0.16.0")
    source = (SOURCES / f"{name}.py").read_text()
    target = find_target(world, name=world, wit=wit_of(world))

    def build() -> bytes:
        target.write(folder / "wit")
        (folder / "app.py").write_text(source)
        run(
            sys.executable, "-c", _OLD_SCRIPT, "-d", "wit", "-w", target.world_id,
            "componentize", "-p", ".", "-o", "out.wasm", "app",
            cwd=folder, path=OLD_PYTHON,
        )  # fmt: skip
        return (folder / "out.wasm").read_bytes()

    return cached(["py 0.16.0", source, target.world_id, *target.own, *target.bundled], build)


async def new_python(name: str, world: str, folder: Path) -> bytes:
    """By the componentize-py that is installed beside this interpreter."""
    assert importlib.metadata.version("componentize-py") > "0.16"
    return await _as_a_cell(name, world, "py", "python")


async def javascript(name: str, world: str, folder: Path) -> bytes:
    """By componentize-js."""
    needs(NODE_MODULES.is_dir() and shutil.which("node"), "componentize-js")
    return await _as_a_cell(name, world, "js", "js")


async def _as_a_cell(name: str, world: str, ending: str, lang: str) -> bytes:
    source = (SOURCES / f"{name}.{ending}").read_text()
    built = await build_component(source, name=name, world=world, wit=wit_of(world), lang=lang)
    return built.path.read_bytes()


def wit_of(world: str) -> str | None:
    return (WIT / "greeter.wit").read_text() if world == "greet" else None


def rust(folder: Path) -> bytes:
    """A command, by rustc alone."""
    rustc = shutil.which("rustc")
    needs(rustc, "Rust")
    assert rustc is not None
    root = subprocess.run([rustc, "--print", "sysroot"], capture_output=True, text=True, check=True)
    libraries = Path(root.stdout.strip()) / "lib" / "rustlib" / RUST_TARGET
    needs(libraries.is_dir(), f"Rust's target {RUST_TARGET}")
    out = folder / "command.wasm"
    run(rustc, "--target", RUST_TARGET, "-O", SOURCES / "command.rs", "-o", out, cwd=folder)
    return out.read_bytes()


def c(folder: Path) -> bytes:
    """A command, by Debian's clang and wasi-libc; jco puts the adapter of preview 1 around it."""
    needs(_clang(), "clang with lld")
    needs(Path("/usr/include/wasm32-wasi/stdio.h").exists(), "wasi-libc")
    core, out = folder / "core.wasm", folder / "command.wasm"
    run("clang", "--target=wasm32-wasi", "-O1", SOURCES / "command.c", "-o", core, cwd=folder)
    run(*_jco("new"), core, "--wasi-command", "-o", out, cwd=folder)
    return out.read_bytes()


def c_typed(folder: Path) -> bytes:
    """A typed interface, by clang without any library."""
    needs(_clang(), "clang with lld")
    core, out = folder / "core.wasm", folder / "sums.wasm"
    run(
        "clang", "--target=wasm32", "-O1", "-nostdlib", "-Wl,--no-entry",
        SOURCES / "sums.c", "-o", core, cwd=folder,
    )  # fmt: skip
    _jco("embed")
    wit = (SOURCES / "sums.wit").read_text()
    run("node", "--input-type=module", "-e", _EMBED, core, wit, out, cwd=HERE)
    return out.read_bytes()


def _clang() -> bool:
    return bool(shutil.which("clang") and shutil.which("wasm-ld"))


def _jco(verb: str) -> list[str | Path]:
    jco = NODE_MODULES / ".bin" / "jco"
    needs(jco.exists() and shutil.which("node"), "jco")
    return ["node", jco, verb]
