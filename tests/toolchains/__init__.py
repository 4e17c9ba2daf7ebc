"""Components as their toolchains build them, on our host and without any lattice.

`make toolchains` installs the tools below ``build/toolchains`` and here, then runs these tests.
"""
