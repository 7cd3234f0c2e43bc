"""Names of Azure resources, parsed strictly and compared without case: pure values, no I/O.

Azure answers one resource with several spellings (``Microsoft.Cache/Redis`` and ``…/redis``,
``resourcegroups`` and ``resourceGroups``), so every id is held in lower case where case carries
nothing, and two ids are equal when Azure would call them the same.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

_SUBSCRIPTION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GROUP = re.compile(r"[\w().-]{0,89}[\w()-]")
_CLASSIC_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9]){0,62}")
_NETWORK_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,78}[a-z0-9_])?")
_ZONE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9][a-z0-9-]{0,62})+")
_CLUSTER_NAME_LIMIT = 60
_CLASSIC_NAME_LIMIT = 63
_LONGEST_ID = 2048


class InvalidIdError(ValueError):
    """An id that is not of the form its kind has; the message quotes it and says what would be right."""


class CacheType(StrEnum):
    """The two ARM types that hold Redis caches, spelt as Azure's own answers spell them."""

    REDIS = "Microsoft.Cache/Redis"
    ENTERPRISE = "Microsoft.Cache/redisEnterprise"


def _refuse(text: str, expected: str) -> InvalidIdError:
    return InvalidIdError(f"{text[:200]!r} is not {expected}")


def subscription_id(text: str) -> str:
    """Give a subscription's id in lower case; raises InvalidIdError for anything but a GUID."""
    lowered = text.lower()
    if not _SUBSCRIPTION.fullmatch(lowered):
        raise _refuse(text, "a subscription id (a GUID such as 11111111-2222-3333-4444-555555555555)")
    return lowered


def region(text: str) -> str:
    """Give a region in its short form: Azure answers both ``West Europe`` and ``westeurope``."""
    return text.replace(" ", "").lower()


def _lower(text: str, expected: str) -> str:
    """Give a text in lower case; raises InvalidIdError where ASCII comes of another letter: of the kelvin."""
    if not text.isascii() and any(letter.lower().isascii() for letter in text if not letter.isascii()):
        raise _refuse(text, expected)
    return text.lower()


def _segments(text: str, expected: str) -> list[str]:
    if len(text) > _LONGEST_ID or not text.startswith("/") or "//" in text:
        raise _refuse(text, expected)
    return _lower(text, expected)[1:].rstrip("/").split("/")


@dataclass(frozen=True, slots=True, order=True)
class GroupId:
    """A resource group: ``/subscriptions/<guid>/resourceGroups/<name>``."""

    subscription: str
    group: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a resource group's id; raises InvalidIdError for any other form."""
        expected = "a resource group's id (/subscriptions/<guid>/resourceGroups/<name>)"
        match _segments(text, expected):
            case ["subscriptions", subscription, "resourcegroups", group]:
                return cls.of(subscription, group)
            case _:
                raise _refuse(text, expected)

    @classmethod
    def of(cls, subscription: str, group: str) -> Self:
        """Build from parts, checked as ``parse`` checks them."""
        expected = "a resource group's name (1–90 letters, digits, and - _ ( ) . but no final dot)"
        lowered = _lower(group, expected)
        if not _GROUP.fullmatch(lowered):
            raise _refuse(group, expected)
        return cls(subscription_id(subscription), lowered)

    def __str__(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"


@dataclass(frozen=True, slots=True, order=True)
class CacheId:
    """One cache, classic or of the enterprise family: the only thing a message carries."""

    subscription: str
    group: str
    type: CacheType
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a cache's id, or raise InvalidIdError."""
        cache, child = cls.split(text)
        if child:
            raise _refuse(text, "a cache's id: it names something inside a cache")
        return cache

    @classmethod
    def split(cls, text: str) -> tuple[Self, str]:
        """Read the id of a cache or of something inside it: the cache, and the path below it ("" for itself)."""
        expected = "a cache's id (/subscriptions/<guid>/resourceGroups/<name>/providers/Microsoft.Cache/Redis/<name>)"
        match _segments(text, expected):
            case [
                "subscriptions",
                sub,
                "resourcegroups",
                group,
                "providers",
                "microsoft.cache",
                kind,
                name,
                *rest,
            ]:
                return cls.of(GroupId.of(sub, group), kind, name), "/".join(rest)
            case _:
                raise _refuse(text, expected)

    @classmethod
    def of(cls, group: GroupId, kind: str, name: str) -> Self:
        """Build from parts; ``kind`` is the last part of the ARM type, in any case."""
        match kind.lower():
            case "redis":
                cache_type, limit = CacheType.REDIS, _CLASSIC_NAME_LIMIT
            case "redisenterprise":
                cache_type, limit = CacheType.ENTERPRISE, _CLUSTER_NAME_LIMIT
            case _:
                raise _refuse(kind, "a kind of cache (redis or redisEnterprise)")
        expected = f"a cache's name (1–{limit} letters, digits and single hyphens, a letter or digit at both ends)"
        lowered = _lower(name, expected)
        if len(name) > limit or not _CLASSIC_NAME.fullmatch(lowered):
            raise _refuse(name, expected)
        return cls(group.subscription, group.group, cache_type, lowered)

    @property
    def group_id(self) -> GroupId:
        """The resource group the cache lives in."""
        return GroupId(self.subscription, self.group)

    @property
    def short_hash(self) -> str:
        """8 hex digits of the id: what fits in a tag or a name where the id itself does not."""
        return hashlib.sha256(str(self).lower().encode()).hexdigest()[:8]

    def __str__(self) -> str:
        return f"{self.group_id}/providers/{self.type}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class NetworkId:
    """A named resource of Microsoft.Network: a private endpoint, a virtual network, a private DNS zone."""

    subscription: str
    group: str
    type: str
    name: str

    @classmethod
    def parse(cls, text: str, type_: str) -> Self:
        """Read the id of one Microsoft.Network type (``privateEndpoints``); raises InvalidIdError otherwise."""
        expected = f"the id of one of Microsoft.Network/{type_}"
        match _segments(text, expected):
            case [
                "subscriptions",
                sub,
                "resourcegroups",
                group,
                "providers",
                "microsoft.network",
                kind,
                name,
            ]:
                if kind == type_.lower() and (_ZONE_NAME if "dns" in kind else _NETWORK_NAME).fullmatch(name):
                    owner = GroupId.of(sub, group)
                    return cls(owner.subscription, owner.group, type_, name)
            case _:
                pass
        raise _refuse(text, expected)

    @property
    def group_id(self) -> GroupId:
        """The resource group it lives in."""
        return GroupId(self.subscription, self.group)

    def __str__(self) -> str:
        return f"{self.group_id}/providers/Microsoft.Network/{self.type}/{self.name}"


def endpoint_id(text: str) -> NetworkId:
    """Read a private endpoint's id."""
    return NetworkId.parse(text, "privateEndpoints")


def network_id(text: str) -> NetworkId:
    """Read a virtual network's id."""
    return NetworkId.parse(text, "virtualNetworks")


def zone_id(text: str) -> NetworkId:
    """Read a private DNS zone's id."""
    return NetworkId.parse(text, "privateDnsZones")


@dataclass(frozen=True, slots=True, order=True)
class SubnetId:
    """A subnet: ``<virtual network>/subnets/<name>``."""

    network: NetworkId
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a subnet's id; raises InvalidIdError for any other form."""
        expected = "a subnet's id (…/providers/Microsoft.Network/virtualNetworks/<network>/subnets/<subnet>)"
        network, separator, name = _lower(text, expected).rstrip("/").rpartition("/subnets/")
        if not separator or "//" in text or not _NETWORK_NAME.fullmatch(name):
            raise _refuse(text, expected)
        return cls(network_id(network), name)

    def __str__(self) -> str:
        return f"{self.network}/subnets/{self.name}"
