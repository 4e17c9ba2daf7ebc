"""Recorded traffic of the real deployment manager (wadm 0.21.1, wash 0.44), reduced."""

from __future__ import annotations

from typing import Any

from tests.golden import lines


def recorded(kind: str) -> list[dict[str, Any]]:
    """``api``, ``event``, ``status``, ``command``, ``stream-create``, ``consumer-create``,
    ``stream`` or ``entry`` lines, in order of arrival."""
    return [line for line in lines("wadm.jsonl") if line["kind"] == kind]


def recorded_manifest(version: str) -> str:
    """The normalised manifest of ``v1``, ``v2`` or ``v3``, as wash sent it."""
    step = f"put-{version}"
    return next(line["request"] for line in recorded("api") if line["step"] == step)


SHOP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  annotations:
    version: v1.2.0
    description: "Shop API behind HTTP"
  labels:
    app.oam.io/name: shop
spec:
  policies:
    - name: vault
      type: policy.secret.wasmcloud.dev/v1alpha1
      properties: {backend: nats-kv, encryptionKey: team-a}
  components:
    - name: api
      type: component
      properties:
        image: ghcr.io/acme/api:1.2.0
        config:
          - name: defaults
            properties: {log-level: debug}
        secrets:
          - name: db-password
            properties: {policy: vault, key: db/password, field: value}
      traits:
        - type: spreadscaler
          properties:
            instances: 10
    - name: http
      type: capability
      properties: {image: "ghcr.io/wasmcloud/http-server:0.27.0"}
      traits:
        - type: link
          properties:
            namespace: wasi
            package: http
            interfaces: [incoming-handler]
            target: {name: api}
            source:
              config:
                - name: listen
                  properties: {address: "127.0.0.1:8000"}
"""
"""An application with every kind of part: config, secret, policy, link, implied scaler."""
