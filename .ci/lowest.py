"""Install this project with every dependency at the lower bound that pyproject.toml names.

Usage: python .ci/lowest.py PIP
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

BOUND = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)\s*>=\s*(?P<version>[^,;\s]+)")


def lowest(requirements: list[str]) -> list[str]:
    """``name==version`` for each requirement; one without a lower bound is an error."""
    pins = []
    for requirement in requirements:
        match = BOUND.match(requirement)
        if match is None:
            sys.exit(f"{requirement!r} has no lower bound")
        pins.append(f"{match['name']}=={match['version']}")
    return pins


def main() -> None:
    pip = sys.argv[1]
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    pins = lowest(project["dependencies"] + project["optional-dependencies"]["test"])
    subprocess.run([pip, "install", "--quiet", *pins], check=True)
    subprocess.run([pip, "install", "--quiet", "--no-deps", "--editable", "."], check=True)


main()
