"""What the API refuses, each with its status and code; the message names the part, its value and what would be right.

ApiError
├── RefusedError          400  what was asked for cannot be asked for
├── UnauthenticatedError  401  who asks is not known
├── ForbiddenError        403  who asks may not
├── NotHereError          404  there is no such thing, or it is out of scope
├── WrongMethodError      405  the resource has other methods
├── ClashError            409  it stands against what is there
├── ChangedError          412  it is not as the caller takes it to be
├── TooLargeError         413
└── WrongTypeError        415
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Detail:
    """One of several mistakes."""

    code: str
    message: str
    target: str


class ApiError(Exception):
    """A refusal; ``target`` names the part of the request that is wrong."""

    status = 400
    usual = "InvalidRequest"

    def __init__(self, message: str, target: str = "", *, code: str = "", details: tuple[Detail, ...] = ()) -> None:
        self.target = target
        self.code = code or self.usual
        self.details = details
        super().__init__(message)

    @property
    def headers(self) -> Mapping[str, str]:
        """What is told beside the body."""
        return {}


class RefusedError(ApiError, ValueError):
    """What was asked for cannot be asked for."""


class UnauthenticatedError(ApiError):
    """Who asks is not known."""

    status, usual = 401, "Unauthenticated"


class ForbiddenError(ApiError):
    """Who asks may not."""

    status, usual = 403, "Forbidden"


class NotHereError(ApiError, LookupError):
    """There is no such thing, or it is out of scope: both look the same, to the letter."""

    status, usual = 404, "ResourceNotFound"

    def __init__(self, about: object = "") -> None:
        """``about`` is for the log: the answer names nothing but the URL that was asked for."""
        super().__init__(str(about))


class WrongMethodError(ApiError):
    """The resource has other methods."""

    status, usual = 405, "MethodNotAllowed"

    def __init__(self, message: str, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(message)

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": ", ".join(self.allowed)}


class ClashError(ApiError):
    """It stands against what is there."""

    status, usual = 409, "Conflict"


class ChangedError(ApiError):
    """It is not as the caller takes it to be."""

    status, usual = 412, "PreconditionFailed"


class TooLargeError(ApiError):
    """The body is too large."""

    status, usual = 413, "BodyTooLarge"


class WrongTypeError(ApiError):
    """The body is not of a type that is understood."""

    status, usual = 415, "UnsupportedMediaType"
