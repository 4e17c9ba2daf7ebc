"""The names a world gives to a cell."""

from __future__ import annotations

import pytest

from workbench.authoring.bindings import bindings

WIT = """package demo:greet@0.1.0;
interface greeter { record person { name: string } greet: func(who: person) -> string; }
world greet { import wasi:logging/logging@0.1.0-draft; export greeter; export run-it: func(); }
"""


async def test_bindings_tell_classes_methods_and_modules():
    names = await bindings("greet", WIT)
    assert names.exports["Greeter"] == {"greet": "greet(self, who)"}
    assert names.exports["WitWorld"] == {"run_it": "run_it(self)"}
    assert "Person" in names.modules["wit_world.exports.greeter"]
    assert "log" in names.modules["wit_world.imports.logging"]
    assert names.module_with("Level") == "wit_world.imports.logging"


async def test_a_sample_is_python_that_begins_the_class():
    names = await bindings("greet", WIT)
    assert "class Greeter(exports.Greeter):\n    def greet(self, who)" in names.sample("Greeter")
    compile(names.sample("WitWorld"), "sample", "exec")


@pytest.mark.parametrize("release", ["0.2.0", "0.2.2", "0.2.6", "0.2.9"])
async def test_the_build_tool_takes_the_bundled_packages_at_any_release(release: str):
    wit = f"""world w {{
      import wasi:http/outgoing-handler@{release};
      import wasi:keyvalue/store@0.2.0-draft;
      import wasi:blobstore/blobstore@0.2.0-draft;
      import wasi:config/store@0.2.0-draft;
      import wasi:logging/logging@0.1.0-draft;
      import wasmcloud:messaging/consumer@0.2.0;
      export wasi:http/incoming-handler@{release};
    }}"""
    assert list((await bindings("w", wit)).exports) == ["IncomingHandler"]
