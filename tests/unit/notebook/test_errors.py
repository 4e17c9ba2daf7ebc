"""Errors of ours in a cell."""

from __future__ import annotations

from workbench.errors import BuildError, ManifestError, Trap, UsageError, WitError
from workbench.notebook.errors import describe
from workbench.wire.manifest import Finding


def plain(error: BaseException) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(describe(error)))


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
    hint = "  at abort in libc.so @ 0xb3de58"
    text = plain(Trap("x.handle trapped: wasm `unreachable`", hint=hint, stderr=stderr))
    assert text.startswith("✗ x.handle raised ValueError: kaputt\n")
    assert '│   File "/0/app.py", line 3, in handle' in text
    assert "libc.so" not in text and "panicked" not in text
    assert "→ mend the component's cell" in text


def test_a_silent_trap_tells_where_it_stopped() -> None:
    text = plain(Trap("f trapped: wasm `unreachable`", hint="  at f in m.wasm @ 0x1", stderr=[]))
    assert text == "✗ f trapped: wasm `unreachable`\n  →   at f in m.wasm @ 0x1"
