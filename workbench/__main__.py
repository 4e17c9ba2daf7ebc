"""``python -m workbench``: the same lattice without a notebook.

python -m workbench demo [NOTEBOOK]    run a notebook headless and print what it did
python -m workbench up [--hosts N]     a lattice in this process until interrupted
python -m workbench wadm [FLAGS]       a deployment manager, as the real program
python -m workbench version
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from workbench import __version__
from workbench.errors import UsageError, WorkbenchError

QUICKSTART = Path("notebooks/00-quickstart.ipynb")


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workbench", description="The wasmCloud workbench without a notebook."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    demo = verbs.add_parser("demo", help="run a notebook headless and print what it did")
    demo.add_argument("notebook", nargs="?", type=Path, default=QUICKSTART)
    demo.add_argument("--output", type=Path, default=Path("build/demo"), help="where files go")
    up = verbs.add_parser("up", help="a lattice in this process until interrupted")
    up.add_argument("--hosts", type=int, default=1)
    up.add_argument("--lattice", default="default")
    up.add_argument("--no-wadm", action="store_true", help="without a deployment manager")
    up.add_argument("--store", type=Path, help="keep the data of NATS in this directory")
    verbs.add_parser("version", help="print the version")
    wadm = verbs.add_parser(
        "wadm",
        help="a deployment manager of all lattices of a NATS server",
        description="Takes the flags and variables of the real wadm, and shares data and lattices "
        "with it. Where another manager acts already, this one waits for its turn.",
    )
    if "wadm" in arguments:  # its flags cost the import of half the workbench
        from workbench.programs.wadm import add_flags

        add_flags(wadm, os.environ)
    return parser


def _demo(notebook: Path, output: Path) -> int:
    from workbench.notebook.headless import run_notebook

    return run_notebook(notebook, output=output)


def _up(options: argparse.Namespace) -> int:
    import workbench

    with workbench.up(
        hosts=options.hosts,
        lattice=options.lattice,
        wadm=not options.no_wadm,
        store=options.store,
        progress=lambda what: print(f"starting {what}", flush=True),
    ) as lattice:
        print(f"{lattice!r} on {lattice.nats_url}, ready in {lattice.started_s:.2f} s", flush=True)
        print("Interrupt to stop.", flush=True)
        done = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: done.set())
        done.wait()
    return 0


def _wadm(options: argparse.Namespace) -> int:
    from workbench.programs import wadm

    return wadm.run(wadm.read(options), os.environ)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. An error of ours is printed without traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given).parse_args(given)
    try:
        if options.verb == "demo":
            return _demo(options.notebook, options.output)
        if options.verb == "up":
            return _up(options)
        if options.verb == "wadm":
            return _wadm(options)
        print(f"wasmcloud-workbench {__version__}")
        return 0
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except WorkbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
