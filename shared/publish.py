"""Publish announcements to the Event Grid topic that the operator names; without one, nothing is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shared.announcements import SOURCE, Announcement, CacheAnnouncement, SweepAnnouncement

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.messaging import CloudEvent
    from azure.eventgrid.aio import EventGridPublisherClient

    from shared.store.history import HistoryRecord


_IMPATIENCE: dict[str, Any] = {"retry_total": 0, "connection_timeout": 3, "read_timeout": 10}
"""A pass waits for the topic while it holds its claim: what fails is published again from the queue, in minutes."""


class PublishError(Exception):
    """The topic did not take an announcement; it is published again later."""


class Publisher:
    """The topic, opened with the first announcement: importing its client costs more than a pass."""

    def __init__(self, endpoint: str, credential: Callable[[], AsyncTokenCredential]) -> None:
        """Remember where to publish; an empty ``endpoint`` means nowhere."""
        self._endpoint = endpoint
        self._credential = credential
        self._client: EventGridPublisherClient | None = None

    async def publish(self, record: HistoryRecord) -> None:
        """Publish what a history row announces; raises PublishError.

        The first event's id is the row's, further ones add their number: the same whenever it is repeated.
        """
        data = CacheAnnouncement(
            verdict=record.after.kind.value,
            reason=record.after.reason.value if record.after.reason else None,
            message=record.after.message,
            done=record.actions,
            caller=record.caller,
            history=record.id,
        )
        told = enumerate(record.announcements)
        events = [(kind, record.id if n == 0 else f"{record.id}.{n}") for n, kind in told]
        await self._send([(kind, event_id, str(record.cache), data) for kind, event_id in events])

    async def publish_sweep(self, run: str, data: SweepAnnouncement) -> None:
        """Publish that a sweep has come to its end; raises PublishError."""
        await self._send([(Announcement.SWEEP_COMPLETED.value, run, f"sweeps/{run}", data)])

    async def close(self) -> None:
        """Give the connection back."""
        if self._client:
            await self._client.close()

    async def _send(self, told: list[tuple[str, str, str, msgspec.Struct]]) -> None:
        if not self._endpoint or not told:
            return
        from azure.core.exceptions import AzureError  # noqa: PLC0415
        from azure.core.messaging import CloudEvent  # noqa: PLC0415

        events: list[CloudEvent[Any]] = [
            CloudEvent(source=SOURCE, type=kind, id=event_id, subject=subject, data=_plain(data))
            for kind, event_id, subject, data in told
        ]
        try:
            await self._opened().send(events)
        except AzureError as error:
            raise PublishError(f"the topic did not take the announcement ({type(error).__name__})") from error

    def _opened(self) -> EventGridPublisherClient:
        from azure.eventgrid.aio import EventGridPublisherClient  # noqa: PLC0415

        if self._client is None:
            self._client = EventGridPublisherClient(self._endpoint, self._credential(), **_IMPATIENCE)
        return self._client


def _plain(data: msgspec.Struct) -> Any:  # noqa: ANN401 - JSON
    # The client writes what is not JSON's own, such as a tuple, as its text.
    return msgspec.json.decode(msgspec.json.encode(data))
