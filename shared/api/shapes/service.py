"""The service itself."""

from __future__ import annotations

from shared.api.shapes import Given


class Health(Given, frozen=True):
    """Whether the policy can be used, and storage be reached."""

    status: str
    problems: tuple[str, ...]
