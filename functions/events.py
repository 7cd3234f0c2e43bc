"""Event Grid: name the caches that an event concerns, put them on the queue, and be done.

No call to Azure Resource Manager happens here. Every event is acknowledged, whatever it says; only when
storage cannot be reached does the function fail, so that Event Grid delivers the event again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, List  # noqa: UP035 - Microsoft's worker refuses the annotation list[str]

import azure.functions as func

from functions import composition
from shared.events import Event, OfCache, OfEndpoint, OfGroup, Unheeded, about_endpoint, about_group, concerns
from shared.logs import Log

if TYPE_CHECKING:
    from shared.ids import CacheId
    from shared.model import WakeUp

bp = func.Blueprint()
log = Log(__name__)


@bp.function_name("on_event")
@bp.event_grid_trigger(arg_name="event")
@bp.queue_output(arg_name="work", queue_name="reconcile", connection="AzureWebJobsStorage")
@bp.queue_output(arg_name="looks", queue_name="sweep", connection="AzureWebJobsStorage")
async def on_event(event: func.EventGridEvent, work: func.Out[List[str]], looks: func.Out[List[str]]) -> None:  # noqa: UP006
    """Turn one event of either schema into the names of caches."""
    named = concerns(_facts(event), composition.principal())
    if not isinstance(named, Unheeded) and not composition.policy().scope.may_admit(named.group):
        named = Unheeded.OUT_OF_SCOPE
    if isinstance(named, Unheeded):
        log.info("event ignored", reason=named.name, because=named.value, event=_id(event))
        return
    from shared.store.queue import Message, SweepPage, encode, encode_sweep

    wakes, subscription = await _wakes(named)
    if wakes:
        work.set([encode(Message(wake)) for wake in wakes])
    if subscription:
        looks.set([encode_sweep(SweepPage("", subscription))])
    log.info("event", operation=_operation(named), caches=len(wakes), subscription=subscription or None)


def _facts(event: func.EventGridEvent | func.CloudEvent) -> Event:
    """Read the fields that both schemas have; the library hands over either, whatever the annotation says."""
    data = event.get_json()
    size = len(json.dumps(data, default=str)) + len(str(event.subject))
    if isinstance(event, func.CloudEvent):
        return Event(event.type, event.source, event.subject, data, size)
    return Event(event.event_type, event.topic, event.subject, data, size)


def _id(event: func.EventGridEvent | func.CloudEvent) -> str:
    return str(event.id)[:100]


def _operation(named: OfCache | OfEndpoint | OfGroup) -> str:
    return named.wake.operation if isinstance(named, OfCache) else named.operation


async def _wakes(named: OfCache | OfEndpoint | OfGroup) -> tuple[list[WakeUp], str]:
    """Name the caches to look at, and a subscription to look through where they are not known."""
    match named:
        case OfCache():
            return [named.wake], ""
        case OfEndpoint():
            return await _of_endpoint(named)
        case OfGroup():
            return [about_group(cache, named) for cache in await _caches_of_group(named)], ""


async def _of_endpoint(named: OfEndpoint) -> tuple[list[WakeUp], str]:
    cache = await composition.store().links.cache_of(named.endpoint)
    if cache:
        return [about_endpoint(cache, named)], ""
    # Most endpoints in a company lead to other services; only a deletion can mean that a cache has lost one.
    return [], named.endpoint.subscription if named.deleted else ""


async def _caches_of_group(named: OfGroup) -> list[CacheId]:
    """Find the caches that were in the group, and those whose endpoints were."""
    store = composition.store()
    inside = [row.cache for row in await store.caches.of_group(named.group)]
    linked = [cache for _, cache in await store.links.of_group(named.group)]
    return list(dict.fromkeys((*inside, *linked)))
