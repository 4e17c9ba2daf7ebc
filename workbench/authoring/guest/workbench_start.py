# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
"""What every component built here would otherwise do in each request, done once at its build.

Runs inside the component when its module is imported. The build tool keeps the memory as it is
after that, and a component starts from there for every request: what is imported, registered and
looked up here costs nothing any more.
"""

import gc
import os
import random
import sys
import weakref

SEED_BYTES = 32
HOLE_BYTES = (65536, 16384, 4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, *range(240, 0, -16))
LARGER_THAN_A_HOLE = 1 << 19
MISSES = 4
MOST_FILLERS = 50_000

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


def _finalize_init(self, obj, func, /, *args, **kwargs):
    # As in the library, but that it writes to the class only where that changes something: each
    # write has Python forget what it knows of the class, and every handle of a request makes one.
    info = self._Info()
    info.weakref = weakref.ref(obj, self)
    info.func, info.args, info.kwargs = func, args, kwargs or None
    info.atexit, info.index = True, next(self._index_iter)
    self._registry[self] = info
    if not weakref.finalize._dirty:
        weakref.finalize._dirty = True


def _prepare_handles():
    # The first finalizer of a process imports `atexit` and registers there.
    weakref.finalize(_Handle(), int).detach()
    known = weakref.finalize
    if all(hasattr(known, name) for name in ("_Info", "_dirty", "_index_iter", "_registry")):
        known.__init__ = _finalize_init
    for _ in range(4):
        handle = _Handle()
        weakref.finalize(handle, int, 0, 1).detach()


def _look_up_names():
    """Fill Python's cache of attributes with those of the bindings."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("wit_world", "componentize_py_types", "workbench_http")):
            for kind in list(vars(module).values()):
                if isinstance(kind, type):
                    for attribute in (*vars(kind), "__new__", "__init__"):
                        getattr(kind, attribute, None)


def _rehearse():
    """Have the short form of HTTP handlers answer made-up requests, where the cell uses it."""
    short_form = sys.modules.get("workbench_http")
    if short_form is not None:
        short_form.rehearse()


def _fill_holes():
    """Take up the free memory between what the build made.

    A request starts with a copy of this memory that is made page by page, where it writes. What
    it makes itself would lie in such holes, all over that memory; now it lies side by side.
    """
    beside_content = sys.getsizeof(b"") + tuple.__itemsize__  # of the object, and of the heap
    end = id(bytes(LARGER_THAN_A_HOLE))
    for size in HOLE_BYTES:
        misses = 0
        while misses < MISSES and len(_fillers) < MOST_FILLERS:
            filler = bytes(size - beside_content) if size > beside_content else object()
            if id(filler) < end:
                _fillers.append(filler)
                misses = 0
            else:
                misses += 1


_fillers = []

_prepare_handles()
_look_up_names()
_rehearse()

# What was made at the build stays: no collection in a request has to look at it.
gc.collect()
if sys.platform == "wasi":
    _fill_holes()
gc.freeze()
