"""Migrations of caches that are inside a virtual network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

from functions import composition
from functions.api.serving import serves
from shared.api.operations.migrations import GET_MIGRATION, PUT_MIGRATION

if TYPE_CHECKING:
    from shared.api.calls import Answer, Call

bp = func.Blueprint()


@serves(bp, GET_MIGRATION)
async def get_migration(call: Call) -> Answer:
    """Show what would take the place of a cache."""
    from shared.desk.migrations import MigrationsDesk

    return await MigrationsDesk(composition.desk()).show(call)


@serves(bp, PUT_MIGRATION)
async def put_migration(call: Call) -> Answer:
    """Ask for the new cache beside the old one."""
    from shared.desk.migrations import MigrationsDesk

    return await MigrationsDesk(composition.desk()).ask(call)
