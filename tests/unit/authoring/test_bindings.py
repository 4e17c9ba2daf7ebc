"""The names a world gives to a cell."""

from __future__ import annotations

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
