import pytest

from workbench.errors import LinkMissing
from workbench.host.links import LinkTable, Routes
from workbench.wire.records import Link


def link(target="kv", *, source="shop", name="default", interfaces=("store",), **more):
    return Link(
        source_id=source,
        target=target,
        name=name,
        wit_namespace="wasi",
        wit_package="keyvalue",
        interfaces=interfaces,
        **more,
    )


def test_a_new_link_is_reported_once():
    table = LinkTable()
    assert table.replace("shop", [link()]).added == (link(),)
    assert table.replace("shop", [link()]).added == ()


def test_a_link_with_other_config_is_new_and_takes_the_old_one_with_it():
    table = LinkTable()
    table.replace("shop", [link()])
    change = table.replace("shop", [link(target_config=("pool",))])
    assert change.added == (link(target_config=("pool",)),)
    assert change.removed == ()


def test_a_link_that_left_the_spec_is_reported_as_removed():
    table = LinkTable()
    table.replace("shop", [link(), link("other", name="second")])
    change = table.replace("shop", [link()])
    assert change.removed == (link("other", name="second"),)
    assert table.all() == [link()]


def test_a_provider_sees_links_from_and_to_itself():
    table = LinkTable()
    table.replace("shop", [link("kv")])
    table.replace("kv", [link("sink", source="kv")])
    table.replace("x", [link("y", source="x")])
    assert {one.target for one in table.touching("kv")} == {"kv", "sink"}


def test_a_call_goes_to_the_target_of_its_interface():
    routes = Routes("shop", [link("kv", interfaces=("store", "atomics"))])
    assert routes.target("wasi:keyvalue/atomics", "i", "f") == ("kv", "default")


def test_of_two_links_for_the_same_interface_the_later_wins():
    routes = Routes("shop", [link("old"), link("new")])
    assert routes.target("wasi:keyvalue/store", "i", "f")[0] == "new"


def test_without_any_link_the_text_is_that_of_the_real_host():
    with pytest.raises(LinkMissing) as caught:
        Routes("shop").target("wasi:keyvalue/store", "wasi:keyvalue/store@0.2.0-draft", "get")
    assert caught.value.message == "link `default` not found for instance `wasi:keyvalue/store`"
    assert "%wasmcloud link put shop TARGET wasi:keyvalue/store" in caught.value.hint


def test_with_other_links_the_text_names_function_instance_link_and_component():
    routes = Routes("shop", [link(interfaces=("atomics",))])
    with pytest.raises(LinkMissing) as caught:
        routes.target("wasi:keyvalue/store", "wasi:keyvalue/store@0.2.0-draft", "get")
    assert caught.value.message == (
        "failed to call `get` in instance `wasi:keyvalue/store@0.2.0-draft` (failed to find a "
        "configured link with name `default` from component `shop`, please check your "
        "configuration)"
    )


def test_a_selected_link_name_is_used_until_default_is_selected():
    routes = Routes("shop", [link("kv"), link("fast", name="cache")])
    key = "wasi:keyvalue/store"
    assert routes.select("cache", [key]) is None
    assert routes.target(key, "i", "f") == ("fast", "cache")
    assert routes.select("default", [key]) is None
    assert routes.target(key, "i", "f") == ("kv", "default")


def test_selecting_a_name_without_link_changes_nothing():
    routes = Routes("shop", [link("kv"), link("fast", name="cache")])
    key = "wasi:keyvalue/store"
    routes.select("cache", [key])
    assert routes.select("none", [key]) == (
        "interface `wasi:keyvalue/store` does not have an existing link with name `none`"
    )
    assert routes.target(key, "i", "f") == ("fast", "cache")


def test_the_hint_for_a_named_link_names_it():
    routes = Routes("shop", [link("kv"), link("fast", name="cache")])
    routes.select("cache", ["wasi:keyvalue/store"])
    routes.set_links([])
    with pytest.raises(LinkMissing) as caught:
        routes.target("wasi:keyvalue/store", "i", "f")
    assert caught.value.hint.endswith("wasi:keyvalue/store --name cache")
