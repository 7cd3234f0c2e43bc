"""What can go wrong in Azure Storage, in the product's own words; no error of the SDK passes this edge.

    StoreError
    ├── StoreUnavailableError     no answer in time, or an answer that says "later"
    ├── StoreDeniedError          the identity may not do this
    ├── StoreRefusedError         storage does not accept the request: an error in this program
    ├── StoredValueError          what a row holds is not what this program wrote
    └── ConflictError             somebody else has changed the row meanwhile
        └── ClaimLostError        another pass has taken the cache over

The SDK's error is kept as ``__cause__``.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from azure.core.exceptions import AzureError, HttpResponseError

ANSWER_WITHIN = 9.0
"""Seconds that one storage call may take, the SDK's own retries included."""

_MISSING = ("TableNotFound", "QueueNotFound")
_PASSING = ("TableBeingDeleted", "QueueBeingDeleted", "ServerBusy", "OperationTimedOut")


class StoreError(Exception):
    """Something about the storage account; the message names the operation and the table or queue."""


class StoreUnavailableError(StoreError):
    """Storage cannot be reached, did not answer in time, or asks to come back later."""


class StoreDeniedError(StoreError):
    """The identity or key lacks a permission on the storage account."""


class StoreRefusedError(StoreError):
    """Storage refuses the request as such; repeating it does not help."""


class StoredValueError(StoreError):
    """A row holds something that this version cannot read; the message names table, row and property."""


class ConflictError(StoreError):
    """The row is there already, is gone, or is no longer as it was when it was read."""


class ClaimLostError(ConflictError):
    """The claim on a cache ran out and another pass has taken it over: nothing may be recorded any more."""


@asynccontextmanager
async def store_errors(what: str) -> AsyncIterator[None]:
    """Turn whatever the SDK raises inside into the tree above, and bound the time it takes."""
    from azure.core.exceptions import AzureError

    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            yield
    except TimeoutError as error:
        message = f"{what}: Azure Storage gave no answer within {ANSWER_WITHIN:g} s"
        raise StoreUnavailableError(message) from error
    except AzureError as error:
        raise _translated(what, error) from error


def _translated(what: str, error: AzureError) -> StoreError:
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    if isinstance(error, HttpResponseError) and error.status_code:
        return _of_answer(what, error)
    if isinstance(error, ClientAuthenticationError):
        return StoreDeniedError(f"{what}: no token for Azure Storage could be had")
    return StoreUnavailableError(f"{what}: Azure Storage cannot be reached ({type(error).__name__})")


def _of_answer(what: str, error: HttpResponseError) -> StoreError:
    code, status = code_of(error), error.status_code or 0
    message = f"{what}: Azure Storage answered {status} {code}"
    if code in _PASSING:
        return StoreUnavailableError(message)
    if status == 404 and not code:  # noqa: PLR2004
        return StoreRefusedError(f"{message}without a code: is this address a storage account?")
    match status:
        case 401 | 403:
            return StoreDeniedError(message)
        case 404 | 409 | 412:
            return ConflictError(message)
        case 408 | 429:
            return StoreUnavailableError(message)
        case _:
            return StoreUnavailableError(message) if status >= 500 else StoreRefusedError(message)  # noqa: PLR2004


def code_of(error: HttpResponseError) -> str:
    """Give storage's own error code, or "": some calls of the tables SDK leave it in the body alone."""
    named = getattr(error, "error_code", None) or _headers(error).get("x-ms-error-code")
    if named:
        return str(getattr(named, "value", named))
    return next((code for code in _MISSING + _PASSING if code in str(error)), "")


def _headers(error: HttpResponseError) -> Mapping[str, str]:
    return getattr(error.response, "headers", {})


def is_missing_container(error: HttpResponseError) -> bool:
    """Tell a missing table or queue from a missing row or message."""
    return code_of(error) in _MISSING
