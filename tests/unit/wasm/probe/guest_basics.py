# pyright: reportUndefinedVariable=false, reportPossiblyUnboundVariable=false, reportAttributeAccessIssue=false
# ruff: noqa: F821 (the names are those of guest_prelude.py)
"""Guest scripts: everything but files and sockets."""


def granted():
    seen = dict(environment.get_environment())
    return seen, environment.get_arguments(), environment.initial_cwd(), os.environ.get("NAME")


def read_stdin():
    first = stdin.get_stdin()
    head = first.read(2), first.skip(1), first.blocking_skip(1)
    with first.subscribe() as ready:
        ready.block()
    second = stdin.get_stdin()
    return head, drain(second), attempt(first.read, 1), first.subscribe().ready()


def write_stdout():
    out = stdout.get_stdout()
    room = out.check_write()
    out.write(b"a" * 3)
    out.flush()
    out.write_zeroes(2)
    out.blocking_write_and_flush(b"b\n")
    out.blocking_write_zeroes_and_flush(1)
    out.blocking_flush()
    with out.subscribe() as ready:
        ready.block()
    errors = stderr.get_stderr()
    errors.blocking_write_and_flush("oops: ü\n".encode())
    return room > 4096


def output():
    print("one\ntwo")
    print("three", end="")
    print("oops", file=sys.stderr)


def terminals():
    return (
        terminal_stdin.get_terminal_stdin(),
        terminal_stdout.get_terminal_stdout(),
        terminal_stderr.get_terminal_stderr(),
    )


def clocks():
    begun = monotonic_clock.now()
    with monotonic_clock.subscribe_duration(2_000_000) as soon:
        soon.block()
    passed = monotonic_clock.now() - begun
    with monotonic_clock.subscribe_instant(begun) as past:
        at_once = past.ready()
    with monotonic_clock.subscribe_instant(2**64 - 1) as never:
        late = never.ready()
    now = wall_clock.now()
    return (
        passed >= 2_000_000,
        at_once,
        late,
        monotonic_clock.resolution() >= 1,
        now.seconds > 1_700_000_000 and now.nanoseconds < 1_000_000_000,
        wall_clock.resolution().seconds,
    )


def polls():
    late = monotonic_clock.subscribe_duration(60_000_000_000)
    soon = monotonic_clock.subscribe_duration(1_000_000)
    done = monotonic_clock.subscribe_instant(0)
    first = poll.poll([late, done, late, done])
    soon.block()
    return first, poll.poll([soon, late, done])


def randomness():
    return (
        len(random.get_random_bytes(33)),
        random.get_random_u64() != random.get_random_u64(),
        len(insecure.get_insecure_random_bytes(7)),
        insecure.get_insecure_random_u64() != insecure.get_insecure_random_u64(),
        insecure_seed.insecure_seed() != insecure_seed.insecure_seed(),
    )


def leave_well():
    exit.exit(Ok(None))


def leave_badly():
    exit.exit(Err(None))


def poll_nothing():
    poll.poll([])


def write_beyond_room():
    out = stdout.get_stdout()
    out.write(b"x" * (out.check_write() + 1))


def write_too_much_at_once():
    stdout.get_stdout().blocking_write_and_flush(b"x" * 4097)


def zeroes_too_many_at_once():
    stdout.get_stdout().blocking_write_zeroes_and_flush(4097)


def zeroes_without_end():
    stdout.get_stdout().write_zeroes(2**64 - 1)


def ask_for_random_without_end():
    random.get_random_bytes(2**63)


def drop_parent_first():
    out = stdout.get_stdout()
    ready = out.subscribe()
    out.__exit__(None, None, None)
    ready.ready()


def take_resources_without_end():
    held = []
    while True:
        held.append(monotonic_clock.subscribe_instant(0))
