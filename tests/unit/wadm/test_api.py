"""The API server against recorded exchanges and against what nobody should send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.golden.wadm import SHOP, recorded, recorded_manifest
from tests.unit.wadm.builders import component, link, manifest, scaler
from tests.unit.wadm.conftest import Service
from workbench.wire.manifest import SHARED_ANNOTATION


async def ask(
    service: Service, operation: str, body: bytes | str = b"", **headers: str
) -> dict[str, Any]:
    data = body.encode() if isinstance(body, str) else body
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    message = await service.nc.request(
        f"wadm.api.default.{operation}", data, timeout_s=5.0, headers=names
    )
    assert message.headers is None
    return json.loads(message.data)


async def test_the_recorded_conversation_is_answered_word_for_word(service: Service) -> None:
    told = ""
    compared = 0
    for line in recorded("api"):
        wanted = json.loads(line["reply"])
        shown = shown_status(wanted)
        # Statuses come from the engine, which is not here: they are posted as recorded.
        if shown and shown["status"] != {"type": "undeployed"} and json.dumps(shown) != told:
            told = json.dumps(shown)
            await service.nc.js.publish("wadm.status.default.hello-app", told.encode())
        message = await service.nc.request(
            line["subject"], line["request"].encode(), headers=line.get("headers")
        )
        assert json.loads(message.data) == wanted, line["step"]
        compared += 1
    assert compared == 23


def shown_status(reply: Any) -> dict[str, Any] | None:
    """The status in a recorded reply, unless it is the stand-in for none."""
    shown = reply[0]["detailed_status"] if isinstance(reply, list) and reply else reply
    if isinstance(reply, dict):
        shown = reply.get("status")
    if not isinstance(shown, dict) or shown["status"]["type"] == "waiting":
        return None
    return shown


async def test_events_announce_what_is_wanted(service: Service) -> None:
    heard: list[dict[str, Any]] = []
    done = await service.nc.subscribe(
        "wadm.evt.default.*", lambda m: heard.append(json.loads(m.data))
    )
    await service.client.put(recorded_manifest("v1"))
    await service.client.deploy("hello-app")
    await service.client.undeploy("hello-app")
    await service.client.delete("ghost")
    await service.nc.flush()
    await done.unsubscribe()
    assert [event["type"] for event in heard] == [
        "com.wadm.manifest_published",
        "com.wadm.manifest_unpublished",
        "com.wadm.manifest_unpublished",
    ]
    assert heard[0]["data"] == json.loads(recorded_manifest("v1"))
    assert heard[2]["data"] == {"name": "ghost"}


async def test_what_is_stored_is_what_the_real_manager_stores(service: Service) -> None:
    for version in ("v1", "v2", "v3"):
        await service.client.put(recorded_manifest(version))
    await service.client.deploy("hello-app", "v2")
    entries = {entry.key: json.loads(entry.value) for entry in await service.bucket.entries()}
    theirs = {
        line["subject"].removeprefix("$KV.wadm_manifests."): json.loads(line["text"])
        for line in recorded("entry")
        if line["subject"].startswith("$KV.wadm_manifests.")
    }
    assert entries == theirs
    assert list(entries["default-hello-app"]["manifests"]) == ["v1", "v2", "v3"]


async def test_put_takes_yaml_and_json_by_content_type(service: Service) -> None:
    assert (await ask(service, "model.put", SHOP))["result"] == "created"
    newer = SHOP.replace("v1.2.0", "v1.3.0")
    reply = await ask(service, "model.put", newer, Content_Type="application/yaml")
    assert reply == {
        "result": "newversion", "total_versions": 2, "current_version": "v1.3.0",
        "message": "Successfully put manifest shop v1.2.0", "name": "shop",
    }  # fmt: skip
    for kind in ("text/yaml", "application/json; charset=utf-8"):
        reply = await ask(service, "model.put", SHOP, Content_Type=kind)
        assert reply["message"] == (
            f"Unable to parse manifest: Unsupported content type {kind} given. Wadm supports "
            "YAML and JSON"
        )
    reply = await ask(service, "model.put", SHOP, Content_Type="application/json")
    assert reply["message"].startswith("Unable to parse manifest: ")


async def test_a_manifest_without_version_gets_one(service: Service) -> None:
    bare = manifest(component("c", scaler(1))).to_obj()
    bare["metadata"]["annotations"] = {"description": "d"}
    reply = await ask(service, "model.put", json.dumps(bare))
    assert len(reply["current_version"]) == 26
    stored = await ask(service, "model.get.app")
    assert stored["manifest"]["metadata"]["annotations"]["version"] == reply["current_version"]


async def test_put_refuses_in_the_real_order(service: Service) -> None:
    whole = manifest(component("c", scaler(1))).to_obj()

    async def refusal(**metadata: Any) -> str:
        body = {**whole, "metadata": {**whole["metadata"], **metadata}}
        reply = await ask(service, "model.put", json.dumps(body))
        assert reply["result"] == "error"
        return reply["message"]

    assert await refusal(annotations={"version": "latest"}, name="a b") == (
        'invalid manifest version, errors: "latest is not allowed in wadm"'
    )
    assert (await refusal(name="größe")).startswith("Manifest name größe contains invalid")
    assert await refusal(labels={"-": "x"}) == 'Invalid OAM label: ("-", "x")'


async def test_rollback_versions_and_delete_of_one_version(service: Service) -> None:
    for version in ("v1", "v2"):
        await service.client.put(recorded_manifest(version))
    await service.client.deploy("hello-app")
    assert (await service.client.deploy("hello-app", "v1")).version == "v1"
    assert await ask(service, "model.versions.hello-app") == {
        "result": "success",
        "message": "Successfully fetched versions for application hello-app",
        "versions": [{"version": "v1", "deployed": True}, {"version": "v2", "deployed": False}],
    }
    assert await ask(service, "model.del.hello-app", '{"version":"v9"}') == {
        "result": "noop", "message": "Application version v9 doesn't exist", "undeploy": False,
    }  # fmt: skip
    assert await ask(service, "model.del.hello-app", '{"version":"v1"}') == {
        "result": "deleted",
        "message": "Successfully deleted version v1 of application hello-app",
        "undeploy": True,
    }
    assert (await ask(service, "model.undeploy.hello-app"))["message"] == (
        "Application hello-app was already undeployed"
    )
    assert await ask(service, "model.del.hello-app", '{"version":"v2"}') == {
        "result": "deleted",
        "message": "Successfully deleted last version of application hello-app",
        "undeploy": True,
    }
    assert await ask(service, "model.get") == {
        "result": "success",
        "message": "Successfully fetched list of applications",
        "models": [],
    }


async def test_deploy_of_an_unknown_version_is_an_error(service: Service) -> None:
    await service.client.put(recorded_manifest("v1"))
    assert await ask(service, "model.deploy.hello-app", '{"version":"v9"}') == {
        "result": "error",
        "message": "Application with the name 'hello-app' does not have a version 'v9' to deploy",
        "name": "hello-app",
        "version": "v9",
    }
    assert (await ask(service, "model.deploy.hello-app", '{"version":"latest"}'))["version"] == "v1"
    assert (await ask(service, "model.get.hello-app", '{"version":"latest"}'))["result"] == (
        "notfound"
    )


async def test_an_explicit_id_belongs_to_one_deployed_application(service: Service) -> None:
    for name in ("one", "two"):
        await service.client.put(manifest(component("c", scaler(1), id="same"), name=name))
    await service.client.deploy("one")
    reply = await ask(service, "model.deploy.two")
    assert reply["message"] == (
        "Component identifier 'same' is already deployed in a different application 'one'."
    )
    await service.client.undeploy("one")
    assert (await ask(service, "model.deploy.two"))["result"] == "acknowledged"


async def test_shared_components_must_be_deployed_somewhere(service: Service) -> None:
    user = manifest(component("c", scaler(1)), name="user").to_obj()
    user["spec"]["components"].append(
        {"name": "kv", "type": "component",
         "properties": {"application": {"name": "platform", "component": "store"}}}
    )  # fmt: skip
    reply = await ask(service, "model.put", json.dumps(user))
    assert reply["message"] == (
        'Successfully put manifest user , but some shared components are not deployed: ["kv"]'
    )
    reply = await ask(service, "model.deploy.user")
    assert reply["message"] == (
        'Application contains shared components that are not deployed in other applications: ["kv"]'
    )
    platform = manifest(component("store", scaler(1)), name="platform").to_obj()
    platform["metadata"]["annotations"][SHARED_ANNOTATION] = "true"
    await service.client.put(platform)
    await service.client.deploy("platform")
    assert (await ask(service, "model.deploy.user"))["result"] == "acknowledged"


@pytest.mark.parametrize(
    ("subject", "body", "start"),
    [
        ("model.get.a.b", b"", "Invalid subject: "),
        ("model", b"", "Invalid subject: "),
        ("model.fly", b"", "Unsupported subject: wadm.api.default.model.fly"),
        ("model.put.x", b"", "Unsupported subject: "),
        ("model.deploy", b"", "Unsupported subject: "),
        ("zoo.get", b"", "Unsupported subject: "),
        ("model.history.x", b"", "Model deployment history is not currently supported."),
        ("model.get.x", b"[]", "Unable to parse get application request: "),
        ("model.del.x", b"\xff", "Unable to parse delete application request: "),
        ("model.deploy.x", b"{", "Unable to parse deploy application request: "),
        ("model.undeploy.x", b'{"version":1}', "Unable to parse undeploy application request: "),
        ("model.put", b"\xff\xfe", "Unable to parse manifest: "),
        ("model.put", b"[" * 10_000, "Unable to parse manifest: "),
    ],
)
async def test_garbage_gets_the_generic_error(
    service: Service, subject: str, body: bytes, start: str
) -> None:
    reply = await ask(service, subject, body)
    assert list(reply) == ["message", "result"]
    assert reply["result"] == "error"
    assert reply["message"].startswith(start)


async def test_what_is_stored_badly_is_a_storage_error_and_serving_goes_on(
    service: Service,
) -> None:
    await service.bucket.put("default-bad", b"{")
    assert await ask(service, "model.get.bad") == {
        "message": "Internal storage error", "result": "error"}  # fmt: skip
    await service.nc.js.delete_bucket("wadm_manifests")
    assert (await ask(service, "model.list"))["message"] == "Internal storage error"
    assert await ask(service, "model.list") == []


async def test_a_request_without_reply_subject_is_carried_out(service: Service) -> None:
    await service.nc.publish("wadm.api.default.model.put", SHOP.encode())
    assert (await ask(service, "model.get.shop"))["result"] == "success"


@pytest.mark.parametrize(
    "odd",
    [{"namespace": 1}, {"package": None}, {"interfaces": "x"}, {"interfaces": [1]}, {"name": None}],
)
async def test_links_that_kill_the_real_server_are_refused_and_serving_goes_on(
    service: Service, odd: dict[str, Any]
) -> None:
    whole = manifest(component("c", scaler(1), link("c"))).to_obj()
    whole["spec"]["components"][0]["traits"][1]["properties"] |= odd
    reply = await ask(service, "model.put", json.dumps(whole))
    assert reply["message"].startswith("Unable to parse manifest: ")
    assert await ask(service, "model.list") == []
