"""What runs inside every component once, while it is built: tried in a Python of its own."""

from __future__ import annotations

import subprocess
import sys

from workbench.authoring.python_source import HTTP_MODULE, START_MODULE, guest_text


def run(code: str) -> list[str]:
    """The lines that ``code`` prints after the start module."""
    outcome = subprocess.run(
        [sys.executable, "-I", "-c", f"{guest_text(START_MODULE)}\n{code}"],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert not outcome.stderr
    return outcome.stdout.splitlines()


def test_finalizers_do_what_they_do_elsewhere():
    assert run(
        """
class Thing: pass
one, two, three, four = Thing(), Thing(), Thing(), Thing()
first = weakref.finalize(one, print, "gone", "with", sep=" ")
second = weakref.finalize(two, print, "never")
weakref.finalize(three, print, "at the end")
last = weakref.finalize(four, print, "not even then")
last.atexit = False
print(first.alive, second.peek()[1:] == (print, ("never",), {}))
del one
print(first.alive, second.detach()[2], second.alive)
"""
    ) == ["True True", "gone with", "False ('never',) False", "at the end"]


def test_a_finalizer_leaves_its_class_as_it_is():
    assert run(
        """
class Thing: pass
before = dict(vars(weakref.finalize))
thing = Thing()
finalizer = weakref.finalize(thing, int)
print(finalizer.alive, dict(vars(weakref.finalize)) == before, weakref.finalize._dirty)
print(before["__init__"] is _finalize_init)
"""
    ) == ["True True True", "True"]


def test_the_generator_is_seeded_anew_and_repeatably_where_asked():
    seeds, again, plain = run(
        """
drawn = []
for _ in range(3):
    random.seed()
    drawn.append(random.random())
print(len(set(drawn)))
random.seed("text"); one = random.random()
random.seed("text", version=2); print(random.random() == one)
print(random.Random("text").random() == one)
"""
    )
    assert (seeds, again, plain) == ("3", "True", "True")


BINDINGS = """
import sys, types as modules

def module(name, **members):
    made = sys.modules[name] = modules.ModuleType(name)
    vars(made).update(members)
    return made

class Ok:
    def __init__(self, value): self.value = value
class Runtime:
    def call_import(self, *_): raise RuntimeError("there is no host at the build")
class Resource:
    def __enter__(self): return self
    def __exit__(self, *_): self.finalizer.detach()
def asks(take=lambda result: result):
    return lambda self, *args: take(sys.modules["streams"].componentize_py_runtime.call_import(0, args))
value = lambda result: result.value

module("componentize_py_types", Ok=Ok, Err=Exception)
module("wit_world").exports = module("exports", IncomingHandler=object)
runtime = Runtime()
class OutputStream(Resource): blocking_write_and_flush = asks(value)
streams = module("streams", componentize_py_runtime=runtime, OutputStream=OutputStream)
class Fields(Resource): from_list = classmethod(asks(value))
class IncomingRequest(Resource): path_with_query = asks()
class OutgoingResponse(Resource):
    __init__ = asks(lambda result: None)
    body = asks(value)
class OutgoingBody(Resource):
    write = asks(value)
    finish = classmethod(asks(value))
class ResponseOutparam(Resource): set = classmethod(asks())
types = module("types_", componentize_py_runtime=runtime, streams=streams, Fields=Fields,
    IncomingRequest=IncomingRequest, OutgoingResponse=OutgoingResponse, OutgoingBody=OutgoingBody,
    ResponseOutparam=ResponseOutparam)
"""


def rehearsal(code: str) -> list[str]:
    """`run` with the short form of HTTP handlers and bindings in which nothing else answers."""
    return run(
        f"{BINDINGS}\nshort = module('short')\n"
        f"exec({guest_text(HTTP_MODULE)!r}, vars(short))\n{code}"
    )


def test_a_rehearsal_answers_requests_without_the_cell_and_without_a_host():
    assert rehearsal(
        """
kind = short.incoming_handler(lambda request: print("never"), types)
short.rehearse()
print(short.rehearsed, types.componentize_py_runtime is streams.componentize_py_runtime is runtime)
"""
    ) == ["64 True"]


def test_a_rehearsal_with_bindings_that_are_not_as_expected_leaves_them_as_they_are():
    assert rehearsal(
        """
del types.OutgoingBody
kind = short.incoming_handler(lambda request: print("never"), types)
short.rehearse()
print(short.rehearsed, types.componentize_py_runtime is streams.componentize_py_runtime is runtime)
"""
    ) == ["0 True"]
