"""Fuzz every target, or those named, several at a time.

    python -m tests.fuzz [TARGET …] [--seconds 60] [--jobs 2] [--plain] [--list]

Exit code 1 if an input broke a target; the input is printed as the line for its corpus file,
which makes it a test. What was learnt stays in ``build/fuzz`` for the next run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.engine import ATHERIS
from tests.fuzz.target import Target, load_all

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "fuzz"
# Importing and instrumenting a room, and the last input of libFuzzer.
_GRACE_S = 180


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one target: the end of its log, and the input that broke it."""

    name: str
    summary: str
    log: str = ""
    broken_by: bytes | None = None

    @property
    def failed(self) -> bool:
        return bool(self.log)

    def report(self) -> str:
        if not self.failed:
            return f"ok    {self.name:24} {self.summary}"
        lines = [f"FOUND {self.name}", self.log]
        if self.broken_by is not None:
            lines += [
                f"To reproduce, add this line to tests/fuzz/corpus/{self.name}.txt and run",
                f"    python -m pytest tests/fuzz/test_corpus.py -k {self.name}",
                repr(self.broken_by),
            ]
        return "\n".join(lines)


def fuzz(module: str, target: Target, seconds: float, *, plain: bool, work: Path) -> Outcome:
    """One target in a process of its own."""
    folder = work / target.name
    found = folder / "found"
    found.mkdir(parents=True, exist_ok=True)
    for old in found.iterdir():
        old.unlink()
    command = [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.engine", module, target.name,
               "--seconds", str(seconds), "--work", str(folder)]  # fmt: skip
    try:
        done = subprocess.run(
            [*command, "--plain"] if plain else command,
            capture_output=True, text=True, errors="replace", timeout=seconds + _GRACE_S,
            cwd=ROOT, check=False, env={"PYTHONHASHSEED": "0", **os.environ},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(target.name, "", f"did not end {_GRACE_S} s after its time")
    output = done.stdout + done.stderr
    broken = next((file.read_bytes() for file in sorted(found.iterdir())), None)
    if done.returncode or broken is not None:
        return Outcome(target.name, "", f"exit code {done.returncode}\n{_end_of(output)}", broken)
    return Outcome(target.name, _summary(output))


def _end_of(output: str) -> str:
    """Python's traceback, which libFuzzer's own words follow, and the last of those."""
    lines = output.splitlines()
    start = next(
        (i for i, line in enumerate(lines) if "Uncaught" in line or "Traceback" in line), 0
    )
    return "\n".join([*lines[start : start + 60], *lines[start + 60 :][-20:]])


def _summary(output: str) -> str:
    done = [line.strip() for line in output.splitlines() if "DONE" in line]
    return " ".join(done[-1].split()) if done else "no figures"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--plain", action="store_true", help="no atheris, plain mutations")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    known = load_all()
    if unknown := set(options.targets) - set(known):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    chosen = {name: known[name] for name in options.targets or known}
    if options.list:
        print("\n".join(chosen))
        return 0
    plain = options.plain or not ATHERIS
    print(
        f"{len(chosen)} targets, {options.seconds:g} s each,",
        "plain mutations" if plain else "guided by coverage",
        "" if ATHERIS else "(atheris is not installed)",
        flush=True,
    )
    failed = False
    with ThreadPoolExecutor(options.jobs) as pool:
        running = [
            pool.submit(fuzz, module, target, options.seconds, plain=plain, work=WORK)
            for module, target in chosen.values()
        ]
        for each in running:
            outcome = each.result()
            failed = failed or outcome.failed
            print(outcome.report(), flush=True)
    print("see above" if failed else "nothing found")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
