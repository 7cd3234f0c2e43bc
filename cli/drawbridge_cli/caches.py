"""Names of caches, as people have them at hand: a resource id, or subscription/group/name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

_ID = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.Cache/(redis|redisEnterprise)/([^/]+)/?",
    re.IGNORECASE,
)
_SHORT = re.compile(r"([^/]+)/([^/]+)/([^/]+)")
KINDS = ("classic", "managed", "enterprise")


class InvalidCacheError(ValueError):
    """A text that names no cache; the message says what would."""


@dataclass(frozen=True, slots=True)
class CacheName:
    """One cache as the API's paths name it. ``kind`` is "" where nothing says which is meant."""

    subscription: str
    group: str
    name: str
    kind: str = ""

    @classmethod
    def parse(cls, text: str, kind: str = "") -> Self:
        """Read either form; raises InvalidCacheError."""
        if found := _ID.fullmatch(text.strip()):
            subscription, group, type_, name = found.groups()
            return cls(subscription, group, name, kind or ("classic" if type_.lower() == "redis" else "managed"))
        if found := _SHORT.fullmatch(text.strip()):
            subscription, group, name = found.groups()
            return cls(subscription, group, name, kind)
        raise InvalidCacheError(
            f"'{text[:200]}' names no cache; it would have to be SUBSCRIPTION/GROUP/NAME, or a resource id such as "
            "/subscriptions/…/resourceGroups/…/providers/Microsoft.Cache/redis/…"
        )

    @property
    def path(self) -> str:
        """The path below ``/api/``; nothing in a name can lead out of it."""
        return "/".join(("caches", *(quote(part, safe="") for part in (self.subscription, self.group, self.name))))

    @property
    def query(self) -> dict[str, str]:
        return {"kind": self.kind} if self.kind else {}

    def __str__(self) -> str:
        return f"{self.subscription}/{self.group}/{self.name}"
