"""Friendly names."""

from __future__ import annotations

import random
import re

from workbench.wire.names import friendly_name


def test_a_name_is_two_words_and_four_digits() -> None:
    for seed in range(200):
        name = friendly_name(random.Random(seed))
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d{4}", name), name
        assert not name.endswith("0000")


def test_the_same_chance_gives_the_same_name() -> None:
    assert friendly_name(random.Random(7)) == friendly_name(random.Random(7))
