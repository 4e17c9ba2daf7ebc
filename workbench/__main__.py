"""``python -m workbench``: the same lattice without a notebook.

python -m workbench demo [NOTEBOOK]    run a notebook headless and print what it did
python -m workbench up [--hosts N]     a lattice in this process until interrupted
python -m workbench version
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from workbench import __version__
from workbench.errors import WorkbenchError

QUICKSTART = Path("notebooks/00-quickstart.ipynb")


def _parser() -> argparse.ArgumentParser:
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


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit code. An error of ours is printed without traceback."""
    options = _parser().parse_args(arguments)
    try:
        if options.verb == "demo":
            return _demo(options.notebook, options.output)
        if options.verb == "up":
            return _up(options)
        print(f"wasmcloud-workbench {__version__}")
        return 0
    except WorkbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
