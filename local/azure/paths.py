"""An ARM path is read once into its parts; types and names are compared without case, names are kept as written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import unquote

TAGS = "microsoft.resources/tags"
GROUP = "microsoft.resources/resourcegroups"
SUBSCRIPTION = "microsoft.resources/subscriptions"
TENANTS = "microsoft.resources/tenants"
PROVIDER = "microsoft.resources/providers"
JOB = "microsoft.resources/operationresults"
RESOURCES = "microsoft.resources/subscriptions/resources"
LOCK = "microsoft.authorization/locks"
_TAGS_SUFFIX = ["providers", "microsoft.resources", "tags", "default"]
_LOCKS_SUFFIX = ["providers", "microsoft.authorization", "locks"]


@dataclass(frozen=True, slots=True)
class ArmPath:
    """What a path names.

    ``type`` is the whole resource type in lower case (``microsoft.network/privateendpoints``); ``names`` has one name
    for each part of it below the namespace, or one fewer for a collection.
    """

    text: str
    type: str
    names: tuple[str, ...] = ()
    subscription: str = ""
    group: str = ""
    is_list: bool = False
    action: str = ""

    @property
    def key(self) -> str:
        return self.text.lower()

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else ""

    @property
    def parent(self) -> str:
        """The id of the resource that this one is inside: two segments up."""
        return self.text.rsplit("/", 1 if self.is_list else 2)[0]

    @property
    def group_id(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def scope(self) -> str:
        """The id of what a path of the Tags API tags, or of what a lock locks; of any other path, itself."""
        if self.type not in {TAGS, LOCK}:
            return self.text
        suffix = [*_LOCKS_SUFFIX, *self.names] if self.type == LOCK else _TAGS_SUFFIX
        return self.text[: -len("/" + "/".join(suffix))]

    def as_action(self) -> ArmPath:
        """Read the last segment as an action on the resource before it, as of a POST."""
        if self.action or not self.is_list or not self.names:
            return self
        text, _, action = self.text.rpartition("/")
        return replace(self, text=text, type=self.type.rpartition("/")[0], is_list=False, action=action.lower())


class NotAnArmPathError(ValueError):
    """A path of no form that ARM has."""


def parse(path: str) -> ArmPath:
    """Read a path (no query); raises NotAnArmPathError for what is not of ARM's form."""
    text = unquote(path).rstrip("/")
    parts = text.split("/")[1:]
    lower = [part.lower() for part in parts]
    if not parts or "" in parts:
        raise NotAnArmPathError(path)
    if len(lower) > len(_TAGS_SUFFIX) and lower[-4:] == _TAGS_SUFFIX:
        return ArmPath(text, TAGS, ("default",), *_place(parts, lower))
    for names in (0, 1):
        end = len(lower) - names
        if end > len(_LOCKS_SUFFIX) and lower[end - len(_LOCKS_SUFFIX) : end] == _LOCKS_SUFFIX:
            return ArmPath(text, LOCK, tuple(parts[end:]), *_place(parts, lower), is_list=not names)
    match lower:
        case ["providers", namespace, *rest]:
            return _provided(text, namespace, (parts[2:], rest), "", "")
        case ["subscriptions"]:
            return ArmPath(text, SUBSCRIPTION, is_list=True)
        case ["tenants"]:
            return ArmPath(text, TENANTS, is_list=True)
        case ["subscriptions", _, *rest]:
            return _in_subscription(text, parts[1], parts[2:], rest)
        case _:
            raise NotAnArmPathError(path)


def _place(parts: list[str], lower: list[str]) -> tuple[str, str]:
    """Give subscription and group of a path, each empty where it has none."""
    match lower:
        case ["subscriptions", _, "resourcegroups", _, *_]:
            return parts[1], parts[3]
        case ["subscriptions", _, *_]:
            return parts[1], ""
        case _:
            return "", ""


def _in_subscription(text: str, subscription: str, parts: list[str], lower: list[str]) -> ArmPath:
    match lower:
        case []:
            return ArmPath(text, SUBSCRIPTION, (subscription,), subscription)
        case ["resourcegroups"]:
            return ArmPath(text, GROUP, (), subscription, is_list=True)
        case ["resourcegroups", _]:
            return ArmPath(text, GROUP, (parts[1],), subscription, parts[1])
        case ["resourcegroups", _, "providers", namespace, *rest]:
            return _provided(text, namespace, (parts[4:], rest), subscription, parts[1])
        case ["resourcegroups", _, "resources"]:
            return ArmPath(text, RESOURCES, (subscription,), subscription, parts[1], is_list=True)
        case ["tagnames", *_] | ["locations"] | ["resources"]:
            kind = "/".join((SUBSCRIPTION, *lower[0::2]))
            return ArmPath(text, kind, (subscription, *parts[1::2]), subscription, is_list=len(parts) % 2 == 1)
        case ["operationresults", _]:
            return ArmPath(text, JOB, (parts[1],), subscription)
        case ["providers", *rest]:
            return _of_provider(text, subscription, parts[1:], rest)
        case _:
            raise NotAnArmPathError(text)


def _of_provider(text: str, subscription: str, parts: list[str], lower: list[str]) -> ArmPath:
    match lower:
        case []:
            return ArmPath(text, PROVIDER, (), subscription, is_list=True)
        case [_]:
            return ArmPath(text, PROVIDER, (parts[0],), subscription)
        case [_, "register" | "unregister" as action]:
            return ArmPath(text, PROVIDER, (parts[0],), subscription, action=action)
        case _:
            return _provided(text, lower[0], (parts[1:], lower[1:]), subscription, "")


def _provided(
    text: str, namespace: str, segments: tuple[list[str], list[str]], subscription: str, group: str
) -> ArmPath:
    parts, lower = segments
    if not parts:
        raise NotAnArmPathError(text)
    kind = "/".join((namespace, *lower[0::2]))
    return ArmPath(text, kind, tuple(parts[1::2]), subscription, group, is_list=len(parts) % 2 == 1)
