"""What runs inside every component once, while it is built: tried in a Python of its own."""

from __future__ import annotations

import subprocess
import sys

from workbench.authoring.python_source import START_MODULE, guest_text


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
