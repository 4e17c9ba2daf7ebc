"""The Binder image without a container engine: a fresh environment, then no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"

# Brings up the loopback interface of a new network namespace, then runs the rest.
LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket() as s:
    request = struct.pack("16sh", b"lo", 0x1 | 0x40)  # SIOCSIFFLAGS: IFF_UP, IFF_RUNNING
    fcntl.ioctl(s, 0x8914, request)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def test_repo2docker_finds_what_it_understands() -> None:
    environment = yaml.safe_load((BINDER / "environment.yml").read_text())
    assert {"channels", "dependencies"} <= set(environment)
    for name in ("postBuild", "start"):
        script = BINDER / name
        assert os.access(script, os.X_OK), f"{name} must be executable"
        assert script.read_text().startswith("#!/bin/bash\n")
    assert (BINDER / "start").read_text().rstrip().endswith('exec "$@"')


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_image_starts_without_network_after_its_build(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("closing the network needs `unshare` (util-linux)")
    home, repo = tmp_path / "home", tmp_path / "repo"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(repo)], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    environment = _environment(home, tmp_path / "env")
    _run([str(repo / "binder/postBuild")], repo, environment)
    closed = [sys.executable, "-c", LOOPBACK]
    namespace = (
        ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    )
    offline = [*namespace, *closed, str(repo / "binder/start")]
    refused = subprocess.run(
        [*offline, "python", "-c", "import socket; socket.create_connection(('192.0.2.1', 9), 2)"],
        cwd=repo, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert "Network is unreachable" in refused.stderr
    _run([*offline, "jupyter", "execute", "00-quickstart.ipynb"], repo / "notebooks", environment)


def _environment(home: Path, env: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "npm_", "NPM_", "SSL_"))}
    return {
        **kept,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "PATH": f"{env / 'bin'}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(env),
    }


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
