"""Builds the front end and puts it into the wheel; a custom hook of hatchling.

What it makes (never committed): ``workbench/notebook/static/`` with the graph widget, and
``workbench/labextension/``, which a wheel carries as shared data so that JupyterLab finds it.
Without Node it says so in one sentence and the installation goes on: everything but the live
graph and the panel works. Source archives carry what was built, so that installing from one
needs no Node.

    python extensions/build_hook.py            build what is out of date
    python extensions/build_hook.py --check    exit status 1 if something is
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXTENSIONS = ROOT / "extensions"
STATIC = ROOT / "workbench" / "notebook" / "static"
LABEXTENSION = ROOT / "workbench" / "labextension"
STAMP = STATIC / ".sources"
SHARED = "share/jupyter/labextensions/wasmcloud-workbench"
PARTS = ("graph-widget", "lattice-explorer")
LEAST_NODE = 20
NPM_TIMEOUT_S = 600


def sources_digest() -> str:
    """A digest of everything that the built files depend on."""
    digest = hashlib.sha256()
    files = [EXTENSIONS / "package.json", EXTENSIONS / "package-lock.json"]
    for part in PARTS:
        files += [EXTENSIONS / part / "package.json", EXTENSIONS / part / "build.mjs"]
        files += sorted((EXTENSIONS / part / "src").rglob("*"))
    for file in files:
        if file.is_file():
            digest.update(file.relative_to(EXTENSIONS).as_posix().encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def up_to_date() -> bool:
    built = (STATIC / "graph.js", STATIC / "graph.css", LABEXTENSION / "package.json", STAMP)
    return all(map(Path.is_file, built)) and STAMP.read_text() == sources_digest()


def why_no_node() -> str:
    """Why the front end can't be built here; empty if it can."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "Node is not installed"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = version.stdout.strip().lstrip("v").partition(".")[0]
    if not major.isdigit() or int(major) < LEAST_NODE:
        return (
            f"Node {LEAST_NODE} or later is needed, this is {version.stdout.strip() or 'unknown'}"
        )
    return ""


def build() -> str:
    """Build both parts. Returns what went wrong, empty if nothing did."""
    if reason := why_no_node():
        return reason
    esbuild = EXTENSIONS / "node_modules" / "esbuild"
    steps = [["npm", "run", "--silent", "build"]]
    if not esbuild.is_dir():
        # No scripts of strangers: esbuild's binary comes as a package of its own.
        steps.insert(0, ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"])
    for step in steps:
        try:
            done = subprocess.run(
                [shutil.which(step[0]) or step[0], *step[1:]],
                cwd=EXTENSIONS,
                capture_output=True,
                text=True,
                timeout=NPM_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"`{' '.join(step)}` did not run: {error}"
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            return f"`{' '.join(step)}` failed: {' / '.join(lines[-3:])}"
    STAMP.write_text(sources_digest())
    return ""


def ensure_built() -> str:
    """Build if that is needed and possible; returns the one sentence to show, or nothing."""
    if up_to_date():
        return ""
    reason = build()
    if not reason:
        return ""
    left = "an older build is used" if LABEXTENSION.is_dir() else "they are left out"
    return f"The live graph and the JupyterLab panel were not built ({reason}); {left}."


def carried() -> dict[str, str]:
    """What a wheel carries as shared data: path here → path below the environment's prefix."""
    if not LABEXTENSION.is_dir():
        return {}
    return {
        str(file): f"{SHARED}/{file.relative_to(LABEXTENSION).as_posix()}"
        for file in sorted(LABEXTENSION.rglob("*"))
        if file.is_file()
    }


def main(arguments: list[str]) -> int:
    if "--check" in arguments:
        return 0 if up_to_date() else 1
    if up_to_date():
        print("The front end is up to date.")
        return 0
    sentence = ensure_built()
    print(sentence or "The front end is built.")
    return 1 if sentence else 0


if os.environ.get("HATCH_BUILD_HOOKS_ENABLE") or __name__ != "__main__":
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class FrontEndHook(BuildHookInterface[Any]):
        """Runs before a wheel (also an editable one) or a source archive is put together."""

        PLUGIN_NAME = "custom"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            sentence = ensure_built()
            if sentence:
                self.app.display_warning(sentence)
            # Git ignores what is built; the archives must have it all the same.
            build_data["artifacts"].append("/workbench/notebook/static/")
            if self.target_name == "wheel":
                build_data["shared_data"].update(carried())
            else:
                build_data["artifacts"].append("/workbench/labextension/")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
