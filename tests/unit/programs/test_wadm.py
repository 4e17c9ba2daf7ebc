"""Flags and variables of the deployment manager, as the real program has them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import pytest

from workbench.__main__ import main
from workbench.errors import UsageError
from workbench.programs.wadm import WadmProgram, add_flags, read

SEED = "SU" + "A" * 56


def program(*arguments: str, environment: Mapping[str, str] | None = None) -> WadmProgram:
    parser = argparse.ArgumentParser()
    add_flags(parser, environment or {})
    return read(parser.parse_args(arguments))


def test_without_arguments_everything_is_as_with_the_real_program() -> None:
    found = program()
    assert (found.server, found.login, found.js_domain) == ("127.0.0.1:4222", {}, None)
    assert found.options.api_prefix == "wadm.api"
    assert found.options.max_jobs is None
    layout = found.options.layout
    assert (layout.storage, layout.state_bucket, layout.manifest_bucket) == (
        "file", "wadm_state", "wadm_manifests")  # fmt: skip
    assert set(layout.max_bytes.values()) == {-1}
    assert not layout.multitenant
    assert found.options.timing.give_up_after_s == 70.0
    assert found.http_admin is None
    assert not found.structured_logging


def test_every_flag_reaches_what_it_is_for() -> None:
    found = program(
        "-i", "me", "-l", "-d", "hub", "-j", "5", "-s", "nats://u:p@host:1",
        "--nats-seed", SEED, "--nats-jwt", "eyJ0", "--nats-tls-ca-file", "ca.pem",
        "--state-bucket-name", "s", "--manifest-bucket-name", "m", "--cleanup-interval", "20",
        "--api-prefix", " .my.api. ", "--multitenant", "--stream-persistence", "memory",
        "--state-bucket-max-bytes", "1", "--manifest-bucket-max-bytes", "2",
        "--command-stream-max-bytes", "3", "--event-stream-max-bytes", "4",
        "--event-consumer-stream-max-bytes", "5", "--status-stream-max-bytes", "6",
        "--notify-stream-max-bytes", "7", "--wasmbus-event-stream-max-bytes", "8",
        "--http-admin", "127.0.0.1:0",
    )  # fmt: skip
    assert found.structured_logging
    assert (found.server, found.js_domain) == ("nats://u:p@host:1", "hub")
    assert found.login == {"nkey_seed": SEED, "jwt": "eyJ0", "tls_ca": "ca.pem"}
    options = found.options
    assert (options.api_prefix, options.max_jobs) == ("my.api", 5)
    assert (options.timing.probe_after_s, options.timing.give_up_after_s) == (10.0, 20.0)
    assert options.layout.multitenant
    assert options.layout.storage == "memory"
    assert (options.layout.state_bucket, options.layout.manifest_bucket) == ("s", "m")
    assert options.layout.max_bytes == {
        "wadm_state": 1, "wadm_manifests": 2, "wadm_commands": 3, "wadm_events": 4,
        "wadm_event_consumer": 5, "wadm_status": 6, "wadm_notify": 7, "wasmbus_events": 8,
    }  # fmt: skip
    assert found.http_admin is not None


def test_variables_are_defaults_and_flags_win() -> None:
    environment = {
        "WADM_NATS_SERVER": "a:1",
        "WADM_STRUCTURED_LOGGING": "true",
        "WADM_MULTITENANT": "false",
        "WADM_MAX_JOBS": "3",
        "WADM_JETSTREAM_DOMAIN": "hub",
        "WADM_NATS_CREDS_FILE": "me.creds",
        "WADM_EVENT_STREAM_MAX_BYTES": "99",
    }
    found = program(environment=environment)
    assert (found.server, found.js_domain, found.login) == ("a:1", "hub", {"creds": "me.creds"})
    assert (found.structured_logging, found.options.layout.multitenant) == (True, False)
    assert found.options.max_jobs == 3
    assert found.options.layout.max_bytes["wadm_events"] == 99
    assert program("-s", "b:2", environment=environment).server == "b:2"


def test_a_seed_and_a_jwt_may_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "seed").write_text(f"{SEED}\n")
    (tmp_path / "jwt").write_text("eyJ1\n")
    found = program("--nats-seed", f"{tmp_path}/seed", "--nats-jwt", f"{tmp_path}/jwt")
    assert found.login == {"nkey_seed": SEED, "jwt": "eyJ1"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--stream-prefix", "x"], "no NATS server takes"),
        (["--api-prefix", " . "], "--api-prefix is empty"),
        (["--cleanup-interval", "1"], "less than 2 s"),
        (["--nats-seed", SEED], "go together"),
        (["--nats-jwt", "eyJ"], "go together"),
        (["--nats-seed", SEED, "--nats-jwt", "eyJ", "--nats-creds-file", "x"], "exclude"),
        (["--nats-seed", "no-such-file", "--nats-jwt", "eyJ"], "neither one itself nor a file"),
        (["--http-admin", "8080"], "no address to listen on"),
    ],
)
def test_what_can_not_work_ends_with_code_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=says):
        program(*arguments)
    assert main(["wadm", *arguments]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert SEED not in told


def test_a_number_that_is_none_ends_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["wadm", "--max-jobs", "many"])
    assert caught.value.code == 2
    assert "many" in capsys.readouterr().err


def test_tracing_is_said_to_be_missing() -> None:
    assert program("-t").unsupported
    assert "tracing" in program("-e", "http://x").unsupported[0]
    assert not program().unsupported
