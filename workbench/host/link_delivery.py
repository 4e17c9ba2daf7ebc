"""Links as providers get them: config names resolved to values, and kept up to date."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from workbench.host.config import ConfigBundle, ConfigStore
from workbench.wire.records import Link, ResolvedLink

__all__ = ["LinkDelivery", "bare_link", "resolve_link"]


class LinkDelivery:
    """The links of one provider. ``again`` is called with a link whose config has changed.

    Upstream resolves the config of a link once (providers.md §1.9): an edited address would stay
    without effect until the link is put anew or the provider starts again.
    """

    def __init__(self, configs: ConfigStore, again: Callable[[Link], None]) -> None:
        self._configs = configs
        self._again = again
        self._watched: dict[tuple[str, ...], list[ConfigBundle]] = {}

    async def resolve(self, link: Link) -> ResolvedLink:
        """The link with values; from now on changes of them are told."""
        self.forget(link)
        self._watched[_key(link)] = [
            await self._configs.bundle(names, partial(self._again, link))
            for names in (link.source_config, link.target_config)
            if names
        ]
        return await resolve_link(self._configs, link)

    def forget(self, link: Link) -> None:
        for bundle in self._watched.pop(_key(link), ()):
            bundle.close()

    def close(self) -> None:
        for bundles in self._watched.values():
            for bundle in bundles:
                bundle.close()
        self._watched.clear()


def _key(link: Link) -> tuple[str, ...]:
    return (link.source_id, link.target, link.wit_namespace, link.wit_package, link.name)


async def resolve_link(configs: ConfigStore, link: Link) -> ResolvedLink:
    """The link with the values of its configs at this moment."""
    return ResolvedLink(
        source_id=link.source_id,
        target=link.target,
        name=link.name,
        wit_namespace=link.wit_namespace,
        wit_package=link.wit_package,
        interfaces=link.interfaces,
        source_config=await configs.values(link.source_config),
        target_config=await configs.values(link.target_config),
    )


def bare_link(link: Link) -> ResolvedLink:
    """A deleted link as providers are told of it: config maps empty, secrets null
    (providers.md §7.4)."""
    return ResolvedLink(
        source_id=link.source_id,
        target=link.target,
        name=link.name,
        wit_namespace=link.wit_namespace,
        wit_package=link.wit_package,
        interfaces=link.interfaces,
    )
