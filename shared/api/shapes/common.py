"""Shapes that several resources have in common."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from shared.api.shapes import Given, Taken
from shared.model import Reason, Step, VerdictKind

Words = Annotated[str, Meta(description="For a person.")]
Moment = Annotated[str, Meta(description="ISO 8601, UTC.", extra_json_schema={"format": "date-time"})]


class State(StrEnum):
    """Where something that was asked for stands."""

    READY = "Ready"
    CONVERGING = "Converging"
    BLOCKED = "Blocked"


class Empty(Taken, frozen=True):
    """Nothing: an empty body, or ``{}``."""


class ErrorDetail(Given, frozen=True):
    """One of several mistakes."""

    code: str
    message: Words
    target: str


class ErrorBody(Given, frozen=True):
    """What went wrong: which part of the request, its value, and what would be right."""

    code: Annotated[str, Meta(description="A word that a program can branch on.")]
    message: Words
    target: Annotated[str, Meta(description="The part of the request, or the operation of Azure.")] = ""
    details: Annotated[tuple[ErrorDetail, ...], Meta(description="Every mistake, where there are several.")] = ()


class Error(Given, frozen=True):
    """Every refusal, whatever the status, in the shape of Azure Resource Manager."""

    error: ErrorBody


class Said(Given, frozen=True):
    """A verdict on a cache; which fields there are depends on ``verdict``."""

    verdict: VerdictKind
    reason: Annotated[Reason | None, Meta(description="Why it is Blocked.")] = None
    message: Words = ""
    step: Annotated[Step | None, Meta(description="What is under way.")] = None
    until: Annotated[Moment | None, Meta(description="When an exemption ends.")] = None
    look_again_after_seconds: Annotated[float | None, Meta(description="When it will be looked at next.")] = None
    help: Annotated[str, Meta(description="Where to read on.")] = ""


class Planned(Given, frozen=True):
    """What a pass would do now."""

    actions: Annotated[tuple[str, ...], Meta(description="What it would write in Azure and why, in words.")]
    verdict: Said


class Rehearsed(Given, frozen=True):
    """The answer to ``dryRun=true``: what would change. Nothing has."""

    dry_run: bool
    stored: Annotated[str, Meta(description="What would happen to what is stored, in words.")]
    plan: Annotated[Planned | None, Meta(description="What the next pass would then do.")]
