"""Where the parts are put together, once per process and not before something needs them.

Nothing here runs at import: an exception at import would hide every function from Azure, and what is
imported at start is paid for by the first event that waits.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.api.callers import Access
    from shared.arm import Arm
    from shared.desk.desk import Desk
    from shared.intake import Intake
    from shared.letters import Letters
    from shared.networks import NetworkReconciler
    from shared.policy import Policy
    from shared.publish import Publisher
    from shared.reconcile import Reconciler
    from shared.store import Store
    from shared.sweep import Sweeper

_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d+):(\d\d):(\d\d)")
_ROOT = Path(__file__).resolve().parent.parent


def now() -> datetime:
    """Read the app's clock; wake-ups are not judged by it."""
    return datetime.now(UTC)


def policy_file() -> Path:
    """Find the policy: the setting DRAWBRIDGE_POLICY, or policy.yaml beside the app."""
    return Path(os.environ.get("DRAWBRIDGE_POLICY") or _ROOT / "policy.yaml")


@cache
def policy() -> Policy:
    """Read the policy; raises PolicyError with every mistake in it."""
    from shared.policy_text import load

    file = policy_file()
    return load(file.read_text(encoding="utf-8"), file.name)


@cache
def arm() -> Arm:
    """Open Azure Resource Manager, as the app's managed identity."""
    from shared.arm import Arm, ArmSettings
    from shared.cooling import LEAST, Cooling

    cooling = Cooling(lambda: store().cooldown, now, lambda: min(LEAST, policy().timing.busy))
    return Arm(ArmSettings.from_environment(os.environ), cooldown=cooling)


@cache
def store() -> Store:
    """Open the app's own storage account."""
    from shared.store import Store, StoreSettings

    return Store.open(StoreSettings.from_environment(os.environ), lambda: arm().credential())


@cache
def publisher() -> Publisher:
    """Open the topic that announcements go to, where one is set."""
    from shared.publish import Publisher

    return Publisher(os.environ.get("DRAWBRIDGE_TOPIC_ENDPOINT", ""), lambda: arm().credential())


@cache
def intake() -> Intake:
    """Put together what turns events into messages."""
    from shared.intake import Intake

    return Intake(store(), policy(), os.environ.get("DRAWBRIDGE_PRINCIPAL_ID", ""), now)


@cache
def letters() -> Letters:
    """Put together what takes up dead letters."""
    from shared.letters import Letters

    return Letters(store(), intake(), now)


@cache
def reconciler() -> Reconciler:
    """Put together what carries out passes."""
    from shared.reconcile import Reconciler

    return Reconciler(arm(), store(), policy(), publisher(), now, hold())


@cache
def networks() -> NetworkReconciler:
    """Put together what makes passes over networks."""
    from shared.networks import NetworkReconciler

    return NetworkReconciler(arm(), store(), policy(), now)


def hold() -> timedelta:
    """Say how long a claim outlives its worker: a fifth longer than the host lets a function run.

    That is host.json's functionTimeout, or the setting that stands above it on Azure.
    """
    import json

    from shared.reconcile import HOLD

    given = os.environ.get("AzureFunctionsJobHost__functionTimeout")  # noqa: SIM112 - Azure spells it so
    text = given or json.loads((_ROOT / "host.json").read_text(encoding="utf-8")).get("functionTimeout", "")
    found = _TIME_SPAN.fullmatch(text)
    if not found:
        return HOLD
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) * 1.2


@cache
def sweeper() -> Sweeper:
    """Put together what goes through all subscriptions."""
    from shared.sweep import Sweeper

    return Sweeper(arm(), store(), policy(), publisher(), now)


@cache
def desk() -> Desk:
    """Put together what answers the API."""
    from shared.desk.desk import Desk
    from shared.waiting import Waiting

    return Desk(reconciler(), Waiting())


@cache
def access() -> Access:
    """Read how callers are told apart; raises InvalidAccessError."""
    from shared.api.callers import Access

    return Access.from_environment(os.environ)
