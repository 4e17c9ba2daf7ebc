# pyright: reportMissingImports=false, reportGeneralTypeIssues=false
"""The typed interface, in the spelling that componentize-py 0.16 wants and later ones still take."""

import sys

from greet import exports
from greet.exports import greeter
from greet.types import Err


class Greeter(exports.Greeter):
    def describe(self, p):
        if p.age > 150:
            raise Err(f"{p.name} is too old")
        return greeter.Summary(
            text=f"{p.name} ({p.age}) {p.email or '-'}",
            initials=[p.name[0]],
            color=greeter.Color.GREEN,
            perms=greeter.Perms.READ | greeter.Perms.EXEC,
            shape=greeter.Shape_Rect((3, 4)),
            score=-p.age,
        )

    def echo_bytes(self, data):
        return data

    def add(self, a, b):
        return a + b

    def numbers(self, a, b, c, d, e, f, g, h, i, j, k, l):  # noqa: E741 - the names of the WIT
        return (a, b, c, d, e, f, g, h, i, j, k, l)

    def nested(self, x):
        return x

    def nothing(self):
        print("nothing was asked")
        print("and told", file=sys.stderr)

    def boom(self):
        raise ValueError("boom on purpose")
