"""Which component answers a request: by listener, by path or by a header (interfaces.md §8.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.providers.sdk import ProviderFailed
from workbench.wire.records import ResolvedLink

__all__ = ["Refusal", "Routes"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the server's own, instead of a component's."""

    status: int
    text: str = ""


@dataclass(slots=True)
class Routes:
    """The links of one listener, keyed by path, by host, or all under ``""`` in address mode.

    In address mode several links may share a listener: the first answers, the others stand by.
    """

    mode: str
    host_header: str = "host"
    _links: dict[str, list[ResolvedLink]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self._links

    def add(self, link: ResolvedLink, key: str = "") -> None:
        """Route ``key`` to the link's target; `ProviderFailed` when it is taken."""
        taken = self._links.setdefault(key, [])
        if taken and self.mode != "address":
            raise ProviderFailed(
                f"the {self.mode} {key!r} already leads to {taken[0].target}",
                hint=f"delete that link first, or use another {self.mode}",
            )
        taken.append(link)

    def remove(self, link: ResolvedLink) -> None:
        """Take the link out, wherever it is."""
        for key, links in list(self._links.items()):
            if link in links:
                links.remove(link)
            if not links:
                del self._links[key]

    def find(self, path: str, header: str | None) -> ResolvedLink | Refusal:
        """The link for a request; ``header`` is the value that host mode compares."""
        if self.mode == "path":
            links = self._links.get(path)
            return links[0] if links else Refusal(404, "path not found")
        if self.mode == "host":
            if header is None:
                return Refusal(400, "missing host header")
            links = self._links.get(header)
            return links[0] if links else Refusal(404, "host not found")
        links = self._links.get("")
        return links[0] if links else Refusal(500, "no targets for HTTP request")
