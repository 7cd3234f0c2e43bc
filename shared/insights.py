"""The way of metrics to Application Insights: added up in memory, and sent once a minute by a thread of its own.

Where the setting APPLICATIONINSIGHTS_CONNECTION_STRING is absent nothing is kept. What sends is Microsoft's exporter:
its import costs tenths of a second, so that only the thread pays for it, once the first event's work is done.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from shared.metrics import METRICS, Kind, Series, Tally, measurements

if TYPE_CHECKING:
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter
    from opentelemetry.sdk.metrics.export import Metric, MetricsData

CONNECTION = "APPLICATIONINSIGHTS_CONNECTION_STRING"
EVERY_SECONDS = 60.0
LOADED_AFTER_SECONDS = 5.0
"""From the first measurement to the import of the exporter: a process that is ending could not import it any more."""
MOST_SERIES = 500
"""More than the catalogue can make today: a bound for memory and for what is paid, not a limit to live with."""

_KEPT_BYTES = 5 * 1024 * 1024
_PATIENCE: dict[str, Any] = {"retry_total": 0, "timeout": 5, "read_timeout": 10}
"""What is not taken comes again a minute later: the exporter keeps it in a file meanwhile."""
_QUIET = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
}
"""The exporter would tell Microsoft of its own use, and ask it for settings, at addresses that nobody has named."""
_SAID_LIMIT = 300
_EXPORTER = "azure.monitor.opentelemetry.exporter"


class Insights:
    """What was measured since it was last sent, and the thread that sends it; costs nothing before the first."""

    def __init__(
        self, connection: str, every: float = EVERY_SECONDS, loaded_after: float = LOADED_AFTER_SECONDS
    ) -> None:
        """Remember where to send to, and when."""
        self._connection = connection
        self._every = every
        self._loaded_after = loaded_after
        self._tallies: dict[Series, Tally] = {}
        self._since = time.time_ns()
        self._adding = threading.Lock()
        self._sending = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._way: Way | None = None
        self._failing = False

    def note(self, message: str, fields: Mapping[str, object]) -> None:
        """Take in what a line of the log says; of most lines, nothing."""
        for series, value in measurements(message, fields):
            self._add(series, value)

    def _add(self, series: Series, value: float) -> None:
        with self._adding:
            tally = self._tallies.get(series)
            if tally is None:
                if self._ended.is_set() or len(self._tallies) >= MOST_SERIES:
                    return
                tally = self._tallies[series] = Tally()
            tally.add(value)
            if self._thread is None:
                self._begin()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            # A process that ends, or one that has no thread left: its passes matter more.
            self._ended.set()
            self._tell(f"no thread could be started for them: {error}")
            return
        # The thread ends with the process, without a word: the last minute is sent by whoever ends it.
        atexit.register(self.close)

    def _run(self) -> None:
        if not self._ended.wait(self._loaded_after):
            with self._sending:
                self._open()
        while not self._ended.wait(self._every):
            self.send()

    def close(self) -> None:
        """Send what is left, and measure no more."""
        self._ended.set()
        self.send()
        if self._way:
            self._way.close()

    def send(self) -> None:
        """Send what was measured since the last time, if anything was; raises nothing, and tells a failure once."""
        with self._sending:
            tallies, since = self._taken()
            if tallies and (way := self._way or self._open()):
                self._tell(way.send(tallies, since))

    def _open(self) -> Way | None:
        if self._ended.is_set():
            self._tell("the process has ended before the exporter was loaded")
            return None
        try:
            self._way = Way(self._connection, self._every / 2)
        except Exception as error:  # noqa: BLE001 - nobody is there to hear it, and passes have to go on
            self._tell(f"{type(error).__name__}: {error}")
        return self._way

    def _taken(self) -> tuple[dict[Series, Tally], int]:
        with self._adding:
            tallies, self._tallies = self._tallies, {}
            since, self._since = self._since, time.time_ns()
        return tallies, since

    def _tell(self, refused: str) -> None:
        """Say when sending begins to fail, and when it is over: not once a minute."""
        from shared.logs import Log  # noqa: PLC0415 - the log hands what it is told to this module

        if refused and not self._failing:
            Log(__name__).warning("metrics not taken", because=refused)
        if self._failing and not refused:
            Log(__name__).info("metrics taken again")
        self._failing = bool(refused)


class Way:
    """Microsoft's exporter, opened; making it imports it."""

    def __init__(self, connection: str, kept: float) -> None:
        """Open it; raises ValueError for a connection string that names nothing.

        What cannot be sent stays in files of the instance, for two days at most. After ``kept`` seconds, or those that
        Azure asks for, it comes again with what can.
        """
        os.environ.update(_QUIET)
        from azure.core.pipeline.policies import SansIOHTTPPolicy  # noqa: PLC0415
        from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter  # noqa: PLC0415

        self._said = _listening()
        self._exporter: AzureMonitorMetricExporter = AzureMonitorMetricExporter(
            connection_string=connection,
            storage_max_size=_KEPT_BYTES,
            storage_min_retry_interval=kept,
            # Azure's clients write each request into the log, headers and all, unless they are told otherwise.
            http_logging_policy=SansIOHTTPPolicy(),
            **_PATIENCE,
        )

    def send(self, tallies: Mapping[Series, Tally], since: int) -> str:
        """Send; gives why it was not taken, "" where it was."""
        from opentelemetry.sdk.metrics.export import MetricExportResult  # noqa: PLC0415

        del self._said[:]
        result = self._exporter.export(as_exported(tallies, since, time.time_ns()))
        if result is MetricExportResult.SUCCESS:
            return ""
        return self._said[-1] if self._said else "it was throttled, or a part of it was refused"

    def close(self) -> None:
        """Give back the connection, and end the thread that looks after the files."""
        self._exporter.shutdown()
        self._exporter.client.close()


def _listening() -> list[str]:
    """Keep the exporter's own words from the log, where they would come every minute, and give a list of the latest."""
    import logging  # noqa: PLC0415

    said: list[str] = []

    class Latest(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said[:] = [record.getMessage()[:_SAID_LIMIT]]

    logger = logging.getLogger(_EXPORTER)
    logger.propagate = False
    logger.handlers = [Latest(logging.WARNING)]
    return said


def as_exported(tallies: Mapping[Series, Tally], since: int, until: int) -> MetricsData:
    """Write tallies in the terms of OpenTelemetry; times are in nanoseconds of the epoch."""
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

    metrics = [_metric(series, tally, since, until) for series, tally in tallies.items()]
    scope = ScopeMetrics(InstrumentationScope("drawbridge"), metrics, schema_url="")
    resource = Resource({"service.name": os.environ.get("WEBSITE_SITE_NAME", "drawbridge")})
    return MetricsData([ResourceMetrics(resource, [scope], schema_url="")])


def _metric(series: Series, tally: Tally, since: int, until: int) -> Metric:
    from opentelemetry.sdk.metrics import export  # noqa: PLC0415

    about = _ABOUT[series.metric]
    split = dict(series.split)
    delta = export.AggregationTemporality.DELTA
    if about.kind is Kind.COUNT:
        counted = export.NumberDataPoint(split, since, until, tally.total)
        data: Any = export.Sum([counted], delta, is_monotonic=True)
    else:
        spread = export.HistogramDataPoint(
            attributes=split,
            start_time_unix_nano=since,
            time_unix_nano=until,
            count=tally.count,
            sum=tally.total,
            bucket_counts=[tally.count],
            explicit_bounds=[],
            min=tally.least,
            max=tally.most,
        )
        data = export.Histogram([spread], delta)
    return export.Metric(series.metric, about.means, about.unit, data)


_ABOUT = {metric.name: metric for metric in METRICS}


@cache
def insights() -> Insights | None:
    """Open the way, once per process; None where the setting names no place to send to."""
    connection = os.environ.get(CONNECTION)
    return Insights(connection) if connection else None


def note(message: str, fields: Mapping[str, object]) -> None:
    """Take in what a line of the log says, where metrics go anywhere."""
    found = insights()
    if found is not None:
        found.note(message, fields)
