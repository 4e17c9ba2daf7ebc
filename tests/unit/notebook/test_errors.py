"""Errors of ours in a cell."""

from __future__ import annotations

from workbench.errors import BuildError, LimitHit, ManifestError, Trap, UsageError, WitError
from workbench.notebook.errors import describe
from workbench.wasm.last_words import last_words, without_plumbing
from workbench.wasm.traps import _trap
from workbench.wire.manifest import Finding


def plain(error: BaseException) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(describe(error)))


def trap(what: str, stderr: list[str], frames: list[str]) -> Trap:
    """As the wasm room makes it of these lines."""
    found = {"reason": "unreachable", "stderr": without_plumbing(stderr), "backtrace": frames}
    return _trap(what, found, last_words(stderr))


def test_an_error_is_its_cause_and_the_next_step() -> None:
    assert plain(UsageError("no lattice is up", hint="`%wasmcloud up` starts one")) == (
        "✗ no lattice is up\n  → `%wasmcloud up` starts one"
    )


def test_notes_tell_where_it_happened() -> None:
    error = UsageError("x")
    error.add_note("while hello ran handle")
    assert "while hello ran handle" in plain(error)


def test_every_finding_of_a_manifest_is_listed() -> None:
    findings = (
        Finding(level="error", message="instances must be a number", line=7, hint="write 1"),
        Finding(level="error", message="no image", line=9),
    )
    text = plain(ManifestError("the manifest has 2 errors", findings=findings))
    assert "line 7: instances must be a number" in text
    assert "→ write 1" in text
    assert "line 9: no image" in text


def test_the_last_lines_of_a_tool_are_shown_without_its_control_codes() -> None:
    text = "\n".join(describe(BuildError("it failed", output="a\n\x1b]0;evil\x07b\n")))
    assert "│ a" in text and "\x1b]0" not in text and "\x07" not in text


def test_the_error_case_of_a_callee_shows_its_payload() -> None:
    assert "'not-found'" in plain(WitError("not-found"))


def test_a_message_can_not_paint_the_terminal() -> None:
    assert "\x1b[2J" not in "\n".join(describe(UsageError("a\x1b[2Jb\u202e")))


def test_a_finding_that_stands_alone_is_said_once() -> None:
    only = Finding(level="error", message="no image", line=9, hint="add one")
    assert plain(ManifestError("line 9: no image", findings=(only,))) == (
        "✗ line 9: no image\n  → add one"
    )


def test_python_that_raised_in_a_component_is_named_with_its_traceback() -> None:
    stderr = [
        "Traceback (most recent call last):",
        '  File "/0/app.py", line 3, in handle',
        "ValueError: kaputt",
        "",
        "thread '<unnamed>' (1) panicked at runtime/src/lib.rs:1280:25:",
        "Python function threw an unexpected exception",
        "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
    ]
    frames = ["abort in libc.so @ 0xb3de58"]
    text = plain(trap("x.handle", stderr, frames))
    assert text.startswith("✗ x.handle raised ValueError: kaputt\n  at app.py line 3, in handle\n")
    assert "libc.so" not in text and "panicked" not in text and "Traceback" not in text
    assert "→ mend the component's source" in text


def test_javascript_that_threw_in_a_component_is_named_with_its_stack() -> None:
    stderr = ["before", "x.a is undefined", "Stack:", "  inner@greet.js:4:33",
              "  glue@/tmp/1/sources/initializer.js:220:15",
              "Redirecting call to abort() to mozalloc_abort"]  # fmt: skip
    text = plain(trap("x.boom", stderr, ["a @ 0x1"]))
    shown = text.split("\n")[:-1]
    assert shown == ["✗ x.boom threw x.a is undefined", "  at inner@greet.js:4:33", "  │ before"]


def test_a_rust_panic_is_named_with_the_frames_of_the_program() -> None:
    stderr = [
        "thread 'main' (1) panicked at src/lib.rs:9:5:",
        "no such thing",
        "note: run with `RUST_BACKTRACE=1`",
    ]
    frames = ["abort in a.wasm @ 0x1", "std::panicking::panic_with_hook in a.wasm @ 0x2",
              "mine::deep in a.wasm @ 0x3", "_start in a.wasm @ 0x4"]  # fmt: skip
    text = plain(trap("x.run", stderr, frames))
    assert text.startswith(
        "✗ x.run panicked at src/lib.rs:9:5: no such thing\n  at mine::deep in a.wasm @ 0x3\n  →"
    )


def test_a_silent_trap_tells_where_it_stopped() -> None:
    text = plain(Trap("f trapped: wasm `unreachable`", stderr=[], backtrace=["f in m.wasm @ 0x1"]))
    assert text.startswith("✗ f trapped: wasm `unreachable`\n  at f in m.wasm @ 0x1\n")


def test_a_limit_is_named_with_the_place_and_what_to_raise() -> None:
    error = LimitHit("f hit the limit on time", hint="raise timeout_s", limit="time",
                     stderr=[], backtrace=["spin in m.wasm @ 0x1"])  # fmt: skip
    assert plain(error).split("\n") == [
        "✗ f hit the limit on time", "  at spin in m.wasm @ 0x1", "  → raise timeout_s",
    ]  # fmt: skip
