"""The bodies of the API, as types: what is taken is held to them, what is given is made of them, both are documented.

One module per resource. What is taken derives from ``Taken``, which refuses unknown fields; what is given, ``Given``.
"""

from __future__ import annotations

import msgspec


class Taken(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The body of a request: unknown fields are errors."""


class Given(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """The body of an answer, or a part of it: a field that has its default is left out."""
