"""Cross-origin headers as the real http-server's layer sets them (interfaces.md §8.1).

The layer stands in front of everything: it answers every ``OPTIONS`` request itself, and its
headers are on every answer, the server's own errors included.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cors"]

VARY = "origin, access-control-request-method, access-control-request-headers"


@dataclass(frozen=True, slots=True)
class Cors:
    """What other origins may do. An empty list means anything."""

    allowed_origins: tuple[str, ...] = ()
    allowed_headers: tuple[str, ...] = (
        "accept", "accept-language", "content-type", "content-language",
    )  # fmt: skip
    allowed_methods: tuple[str, ...] = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS")
    exposed_headers: tuple[str, ...] = ()
    max_age_s: int = 300

    def response_headers(self, origin: str | None) -> list[tuple[str, str]]:
        """For every answer but a preflight's."""
        headers = [("vary", VARY), *self._origin(origin)]
        headers.append(("access-control-expose-headers", _joined(self.exposed_headers)))
        return headers

    def preflight_headers(self, origin: str | None) -> list[tuple[str, str]]:
        """For the answer to ``OPTIONS``."""
        return [
            ("vary", VARY),
            *self._origin(origin),
            ("access-control-allow-methods", _joined(self.allowed_methods)),
            ("access-control-allow-headers", _joined(self.allowed_headers)),
            ("access-control-max-age", str(self.max_age_s)),
        ]

    def _origin(self, origin: str | None) -> list[tuple[str, str]]:
        if not self.allowed_origins:
            return [("access-control-allow-origin", "*")]
        if origin in self.allowed_origins:
            return [("access-control-allow-origin", str(origin))]
        return []


def _joined(items: tuple[str, ...]) -> str:
    return ",".join(items) if items else "*"
