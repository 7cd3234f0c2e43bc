"""Keys of rows, and values in properties: every encoding is injective and fits Azure Table Storage's limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from shared.ids import CacheId, CacheType, GroupId
from shared.store.errors import StoreRefusedError

T = TypeVar("T")

SEPARATOR = "|"
"""Between the parts of a key: it occurs in no Azure name."""
_AFTER_SEPARATOR = "}"
_UNSAFE = re.compile(r"[^\w().-]")
_KEY_LIMIT = 512
_PROPERTY_LIMIT = 32 * 1024
_SHORT = {CacheType.REDIS: "redis", CacheType.ENTERPRISE: "redisenterprise"}


class Key(NamedTuple):
    """The PartitionKey and RowKey of one row."""

    partition: str
    row: str


class KeyRange(NamedTuple):
    """Row keys of one partition: from the first, up to and without the second."""

    partition: str
    first: str
    beyond: str


def joined(*parts: str) -> str:
    """Build a key from parts, each escaped; raises StoreRefusedError where it is longer than a key may be."""
    key = SEPARATOR.join(escaped(part) for part in parts)
    if len(key.encode("utf-16-le")) > 2 * _KEY_LIMIT:
        message = f"{key[:100]!r}… is too long for a key: {_KEY_LIMIT} characters at most"
        raise StoreRefusedError(message)
    return key


def escaped(text: str) -> str:
    r"""Write what is neither a letter, a digit nor one of ``_().-`` as ``~<hex>~``.

    Table keys may hold neither ``/``, ``\``, ``#``, ``?`` nor control characters.
    """
    return _UNSAFE.sub(lambda found: f"~{ord(found[0]):x}~", text)


def cache_key(cache: CacheId) -> Key:
    """Key of a cache: its subscription, then group, type and name."""
    return Key(cache.subscription, joined(cache.group, _SHORT[cache.type], cache.name))


def cache_of_key(key: Key) -> CacheId:
    """Undo ``cache_key``; raises InvalidIdError for anything that it did not make."""
    group, kind, name = (*key.row.split(SEPARATOR), "", "")[:3]
    return CacheId.of(GroupId.of(key.partition, group), kind, name)


def keys_below(partition: str, *parts: str) -> KeyRange:
    """Name the rows whose keys begin with these parts."""
    start = joined(*parts)
    return KeyRange(partition, start + SEPARATOR, start + _AFTER_SEPARATOR)


def bounded(text: str, limit: int) -> str:
    """Shorten a text from outside to ``limit`` characters, without what storage cannot hold."""
    whole = text.encode("utf-8", "replace").decode()
    return whole if len(whole) <= limit else whole[: limit - 1] + "…"


def to_json(value: object) -> str:
    """Encode values of ``shared.model`` for one property."""
    return msgspec.json.encode(value, enc_hook=_plain).decode()


def fits(text: str) -> bool:
    """Tell whether a text is short enough for one property (64 KiB as UTF-16)."""
    return len(text.encode("utf-16-le")) <= 2 * _PROPERTY_LIMIT


def from_json(text: str, wanted: type[T]) -> T:
    """Undo ``to_json``; raises msgspec.ValidationError or msgspec.DecodeError."""
    return msgspec.json.decode(text, type=wanted)


def _plain(value: Any) -> Any:  # noqa: ANN401  (msgspec's own contract for hooks)
    if isinstance(value, Mapping):
        return dict(value)
    message = f"{type(value).__name__} has no encoding"
    raise NotImplementedError(message)
