"""From a manifest to the scalers that keep it (wadm-engine.md §10.1), with all derived names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from workbench.wadm.scalers import (
    ComponentDaemon,
    ComponentSpread,
    LinkScaler,
    Need,
    ProviderDaemon,
    ProviderSpread,
    Scaler,
    Unfit,
    targets,
)
from workbench.wadm.scalers.spread import daemon_goals
from workbench.wire import manifest as m
from workbench.wire import records
from workbench.wire.wadm import (
    component_id,
    config_name,
    scaler_id,
    secret_name,
    secret_reference,
)

__all__ = ["Desired", "desired", "id_of"]

NO_IMAGE = "Application did not specify an image or shared application reference"
TWO_IMAGES = "Application specified both an image and a shared application reference"


@dataclass(frozen=True)
class Desired:
    """One deployed application: what its manifest asks for."""

    name: str
    version: str
    scalers: tuple[Scaler, ...]


def desired(manifest: m.Manifest) -> Desired:
    """The scalers of a manifest, in the order in which a status lists them."""
    builder = _Builder(manifest)
    scalers: list[Scaler] = []
    for component in manifest.components:
        scalers += builder.of(component)
    return Desired(manifest.name, manifest.version or "", tuple(scalers))


def id_of(app: str, component: m.Component) -> str:
    """The component or provider id; a shared one has the id of the application it runs in."""
    shared = component.properties.application
    if shared is not None:
        return component_id(shared.name, shared.component, component.properties.id)
    return component_id(app, component.name, component.properties.id)


def _problem(properties: m.Properties) -> str:
    if properties.image is None and properties.application is None:
        return NO_IMAGE
    if properties.image is not None and properties.application is not None:
        return TWO_IMAGES
    return ""


class _Builder:
    def __init__(self, manifest: m.Manifest) -> None:
        self._app = manifest.name
        self._components = {component.name: component for component in manifest.components}
        self._policies = {policy.name: policy for policy in manifest.spec.policies}

    def of(self, component: m.Component) -> list[Scaler]:
        if problem := _problem(component.properties):
            return [Unfit(self._app, "SpreadScaler", component.name, problem)]
        scalers: list[Scaler] = []
        has_scaler = False
        for trait in component.traits:
            if trait.link is not None:
                scalers += self._link(component, trait.link)
            elif (wanted := trait.scaler) is not None:
                has_scaler = True
                scalers += self._spread(component, trait.type, wanted)
        if component.type == "capability" and not has_scaler:
            # A provider without a scaler trait gets one instance, listed after its links.
            scalers += self._spread(component, "spreadscaler", m.SpreadScaler(1))
        return scalers

    def _spread(self, component: m.Component, trait: str, wanted: m.SpreadScaler) -> list[Scaler]:
        image = component.properties.image
        if image is None:
            return []
        properties = component.properties
        config = (
            *self._config_names(properties.config),
            *(secret_name(self._app, secret.name) for secret in properties.secrets),
        )
        daemon = trait == "daemonscaler"
        kind: Literal["SpreadScaler", "DaemonScaler"] = "DaemonScaler" if daemon else "SpreadScaler"
        target = id_of(self._app, component)
        goals = (daemon_goals if daemon else targets)(wanted.instances, wanted.spread)
        classes = {
            ("component", False): ComponentSpread,
            ("component", True): ComponentDaemon,
            ("capability", False): ProviderSpread,
            ("capability", True): ProviderDaemon,
        }
        scaler = classes[component.type, daemon](
            scaler_id(kind, self._app, component.name, target, image, config),
            self._app,
            component.name,
            target,
            image,
            goals,
            config,
            self._needs(properties.config, properties.secrets),
        )
        return [scaler]

    def _link(self, component: m.Component, link: m.Link) -> list[Scaler]:
        target = self._components.get(link.target.name)
        if target is None:
            return []
        if problem := _problem(target.properties):
            name = f"{target.name} -({link.namespace}:{link.package})-> {target.name}"
            return [Unfit(self._app, "LinkScaler", name, problem)]
        if component.type == "capability" and target.type == "capability":
            return []  # upstream drops a provider's link to a provider too
        source = link.source or m.LinkSource()
        record = records.Link(
            source_id=id_of(self._app, component),
            target=id_of(self._app, target),
            name=link.link_name,
            wit_namespace=link.namespace,
            wit_package=link.package,
            interfaces=link.interfaces,
            source_config=self._names(source.config, source.secrets),
            target_config=self._names(link.target.config, link.target.secrets),
        )
        needs = self._needs(link.configs, link.secrets)
        return [LinkScaler(self._app, record, f"{component.name} → {target.name}", needs)]

    def _config_names(self, configs: Iterable[m.ConfigProperty]) -> tuple[str, ...]:
        return tuple(
            config.name if config.properties is None else config_name(self._app, config.name)
            for config in configs
        )

    def _names(
        self, configs: Iterable[m.ConfigProperty], secrets: Iterable[m.SecretProperty]
    ) -> tuple[str, ...]:
        return (
            *self._config_names(configs),
            *(secret_name(self._app, secret.name) for secret in secrets),
        )

    def _needs(
        self, configs: Iterable[m.ConfigProperty], secrets: Iterable[m.SecretProperty]
    ) -> tuple[Need, ...]:
        configs = tuple(configs)
        needs = [
            Need(name, config.properties)
            for name, config in zip(self._config_names(configs), configs, strict=True)
        ]
        for secret in secrets:
            policy = self._policies.get(secret.properties.policy)
            if policy is not None:  # validation has refused a manifest without it
                name = secret_name(self._app, secret.name)
                needs.append(Need(name, secret_reference(secret, policy)))
        return tuple(needs)
