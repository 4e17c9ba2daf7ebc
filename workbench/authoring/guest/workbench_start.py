"""What every component built here would otherwise do in each request, done once at its build.

Runs inside the component when its module is imported. The build tool keeps the memory as it is
after that, and a component starts from there for every request: what is imported, registered and
looked up here costs nothing any more.
"""

import gc
import os
import random
import weakref

SEED_BYTES = 32

_seed = random.seed


def seed(a=None, version=2):
    """Seed the shared generator; without a value from as many random bits as a key has.

    The build tool's runtime calls this at the start of every request. Python's own way takes
    2.5 kB from the host for it, in ten calls.
    """
    _seed(int.from_bytes(os.urandom(SEED_BYTES), "little") if a is None else a, version)


random.seed = seed


class _Handle:
    """Stands in for a handle of the host: these are finalized with `weakref`."""


# The first finalizer of a process imports `atexit` and registers there.
weakref.finalize(_Handle(), int)

# What was made at the build stays: no collection in a request has to look at it.
gc.collect()
gc.freeze()
