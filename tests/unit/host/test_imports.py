import pytest

from workbench.errors import LinkMissing
from workbench.host import keyvalue
from workbench.host.imports import ComponentImports
from workbench.host.links import Routes
from workbench.wire.http import HttpError, HttpRequest, HttpResponse, RequestOptions
from workbench.wire.http_wrpc import OUTGOING_HANDLER, response_to_wrpc
from workbench.wire.records import Link
from workbench.wire.wit.types import STRING, Function
from workbench.wire.wit.values import Case, Err, Ok

BUS = "wasmcloud:bus/lattice@2.0.0"
TARGET = Function("[constructor]call-target-interface")
SET_NAME = Function("set-link-name")
GET = Function("get", (("key", STRING),))


class Recorder:
    """An `RpcClient` that notes what would go over the wire."""

    def __init__(self):
        self.calls = []

    async def invoke(self, target, instance, function, args=(), **options):
        # A busy target gives no handshake, and is waited for as for its answer.
        assert options["handshake_timeout_s"] == options["timeout_s"]
        self.calls.append((target, instance, function.name, list(args), options["link_name"]))
        return Ok("answer")


@pytest.fixture
def setup():
    links = [
        Link(
            source_id="shop",
            target="kv",
            name=name,
            wit_namespace="wasi",
            wit_package="keyvalue",
            interfaces=("store", "atomics", "batch"),
        )
        for name in ("default", "fast")
    ]
    rpc, log, config = Recorder(), [], {"a": "1"}
    imports = ComponentImports(
        "shop",
        rpc=rpc,
        routes=Routes("shop", links),
        config=lambda: config,
        on_log=log.append,
        timeout_s=1.0,
    )
    return imports, rpc, log, config


@pytest.mark.parametrize("interface", ["store", "runtime"])
def test_config_is_read_live(setup, interface):
    imports, _, _, config = setup
    instance = f"wasi:config/{interface}@0.2.0-draft"
    assert imports.is_sync(instance)
    assert imports.call_sync(None, instance, GET, ["a"]) == Ok("1")
    config["a"] = "2"
    assert imports.call_sync(None, instance, GET, ["a"]) == Ok("2")
    assert imports.call_sync(None, instance, GET, ["nope"]) == Ok(None)
    assert imports.call_sync(None, instance, Function("get-all"), []) == Ok([("a", "2")])


@pytest.mark.parametrize("instance", ["wasi:logging/logging@0.1.0-draft", "wasi:logging/logging"])
def test_log_lines_name_component_level_and_context(setup, instance):
    imports, _, log, _ = setup
    imports.call_sync(None, instance, Function("log"), ["warn", "cart", "empty"])
    [line] = log
    assert (line.component_id, line.level, line.context, line.message, line.stream) == (
        "shop",
        "warn",
        "cart",
        "empty",
        "log",
    )


async def test_key_value_calls_are_translated(setup):
    imports, rpc, _, _ = setup
    store = "wasi:keyvalue/store@0.2.0-draft"
    opened = await imports.call(None, store, Function("open"), ["default"])
    bucket = opened.value
    await imports.call(None, store, Function("[method]bucket.get"), [bucket, "counter"])
    await imports.call(
        None, "wasi:keyvalue/atomics@0.2.0-draft", Function("increment"), [bucket, "hits", 1]
    )
    assert rpc.calls == [
        ("kv", "wrpc:keyvalue/store@0.2.0-draft", "get", ["default", "counter"], "default"),
        ("kv", "wrpc:keyvalue/atomics@0.2.0-draft", "increment", ["default", "hits", 1], "default"),
    ]


@pytest.mark.parametrize(
    ("interface", "name"),
    [
        *(
            ("store", f"[method]bucket.{f}")
            for f in ("get", "set", "delete", "exists", "list-keys")
        ),
        ("atomics", "increment"),
        *(("batch", f) for f in ("get-many", "set-many", "delete-many")),
    ],
)
def test_every_key_value_function_has_one_on_the_wire(interface, name):
    wire = keyvalue.wire_function(f"wasi:keyvalue/{interface}@0.2.0-draft", name)
    assert wire is not None
    assert wire.instance == f"wrpc:keyvalue/{interface}@0.2.0-draft"
    assert wire.function.params[0] == ("bucket", STRING)


async def test_a_chosen_link_name_is_used_for_the_next_calls(setup):
    imports, rpc, _, _ = setup
    key = imports.call_sync(None, BUS, TARGET, ["wasi", "keyvalue", "store"])
    assert imports.call_sync(None, BUS, SET_NAME, ["fast", [key]]) == Ok()
    store = "wasi:keyvalue/store@0.2.0-draft"
    await imports.call(None, store, Function("[method]bucket.get"), [keyvalue.Bucket("b"), "k"])
    assert rpc.calls[0][-1] == "fast"


def test_an_unknown_link_name_is_an_error_in_2_0_and_silent_in_1_0(setup):
    imports, *_ = setup
    key = imports.call_sync(None, BUS, TARGET, ["wasi", "keyvalue", "store"])
    assert imports.call_sync(None, BUS, SET_NAME, ["x", [key]]) == Err(
        "interface `wasi:keyvalue/store` does not have an existing link with name `x`"
    )
    old = "wasmcloud:bus/lattice@1.0.0"
    assert imports.call_sync(None, old, SET_NAME, ["x", [key]]) is None


async def test_custom_interfaces_travel_with_their_version(setup):
    imports, rpc, _, _ = setup
    imports._routes.set_links(
        [
            Link(
                source_id="shop",
                target="greeter",
                wit_namespace="acme",
                wit_package="hello",
                interfaces=("greet",),
            )
        ]
    )
    await imports.call(None, "acme:hello/greet@1.0.0", Function("hi"), ["you"])
    assert rpc.calls == [("greeter", "acme:hello/greet@1.0.0", "hi", ["you"], "default")]


async def test_a_call_without_link_names_what_is_missing(setup):
    imports, rpc, _, _ = setup
    with pytest.raises(LinkMissing) as caught:
        await imports.call(None, "acme:hello/greet@1.0.0", Function("hi"), [])
    assert caught.value.message == (
        "failed to call `hi` in instance `acme:hello/greet@1.0.0` (failed to find a configured "
        "link with name `default` from component `shop`, please check your configuration)"
    )
    assert rpc.calls == []


@pytest.mark.parametrize(
    ("instance", "name", "offered"),
    [
        ("wasi:config/store@0.2.0-draft", "get", True),
        ("wasi:keyvalue/store@0.2.0-draft", "open", True),
        ("wasi:keyvalue/store@0.2.0-draft", "[method]bucket.get", True),
        ("wasi:keyvalue/watcher@0.2.0-draft", "on-set", False),
        ("wasi:blobstore/blobstore@0.2.0-draft", "get-container", False),
        ("wasmcloud:secrets/store@0.1.0-draft", "get", False),
        ("wasmcloud:messaging/consumer@0.2.0", "publish", True),
        ("wasi:http/outgoing-handler@0.2.9", "handle", True),
        ("wasi:http/incoming-handler@0.2.9", "handle", False),
        ("acme:any/thing@9.9.9", "f", True),
        ("", "root-function", True),
    ],
)
def test_what_is_offered_at_start(setup, instance, name, offered):
    assert setup[0].provides(instance, name) is offered


class HttpTarget(Recorder):
    """Answers every call with one prepared value."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    async def invoke(self, target, instance, function, args=(), **options):
        await super().invoke(target, instance, function, args, **options)
        return self.answer


def http_imports(answer, *links):
    rpc = HttpTarget(answer)
    imports = ComponentImports(
        "shop",
        rpc=rpc,
        routes=Routes("shop", links),
        config=dict,
        on_log=print,
        timeout_s=1.0,
    )
    return imports, rpc


HTTP_LINK = Link(
    source_id="shop",
    target="client",
    wit_namespace="wasi",
    wit_package="http",
    interfaces=("outgoing-handler",),
)


async def test_an_outgoing_request_goes_to_the_linked_target_as_https_by_default():
    imports, rpc = http_imports(Ok(response_to_wrpc(HttpResponse(204))), HTTP_LINK)
    response = await imports.http(None, HttpRequest(scheme=None), RequestOptions())
    assert response.status == 204
    [(target, instance, name, [request, options], link_name)] = rpc.calls
    assert (target, instance, name, link_name) == ("client", OUTGOING_HANDLER, "handle", "default")
    assert request.scheme == Case("HTTPS")
    assert options.connect_timeout == 600_000_000_000


async def test_an_error_code_of_the_target_is_an_http_error():
    imports, _ = http_imports(Err(Case("connection-refused")), HTTP_LINK)
    with pytest.raises(HttpError) as caught:
        await imports.http(None, HttpRequest(), RequestOptions())
    assert caught.value.code == "connection-refused"


async def test_an_outgoing_request_without_link_says_which_one_is_missing():
    imports, _ = http_imports(Ok())
    with pytest.raises(LinkMissing) as caught:
        await imports.http(None, HttpRequest(), RequestOptions())
    assert caught.value.message == (
        "link `default` not found for instance `wasi:http/outgoing-handler`"
    )
    assert "link put shop TARGET wasi:http/outgoing-handler" in caught.value.hint
