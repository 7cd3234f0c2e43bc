"""One connection pool, one token and one pipeline for every SDK client of the process; no client retries by itself.

The SDK's own pipeline would retry (sleeping on ``Retry-After`` for minutes), register resource providers behind our
back on a 409, and log. Ours does none of that: it authenticates, counts, and sends exactly one request per call.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from urllib.parse import urlsplit

from shared.logs import Log

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline import AsyncPipeline, PipelineRequest
    from azure.core.pipeline.policies import AsyncHTTPPolicy, SansIOHTTPPolicy
    from azure.core.rest import AsyncHttpResponse, HttpRequest
    from azure.mgmt.core import AsyncARMPipelineClient
    from azure.mgmt.network.aio import NetworkManagementClient
    from azure.mgmt.privatedns.aio import PrivateDnsManagementClient
    from azure.mgmt.redis.aio import RedisManagementClient
    from azure.mgmt.redisenterprise.aio import RedisEnterpriseManagementClient

T = TypeVar("T")
log = Log(__name__)

VERSION = "0.1.0"

_PUBLIC = "https://management.azure.com"
_AUDIENCES = {
    "https://management.usgovcloudapi.net": "https://management.usgovcloudapi.net",
    "https://management.chinacloudapi.cn": "https://management.chinacloudapi.cn",
}
"""ARM endpoint → what tokens are asked for; any other endpoint takes tokens of the public cloud."""

_HTTPS_PORT = 443
_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_CLIENTS_KEPT = 64
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class ArmSettings:
    """Where ARM is and who we are there."""

    endpoint: str = _PUBLIC
    """``https://management.azure.com``, or another cloud's; without a slash at the end."""
    client_id: str | None = None
    """Of a user-assigned managed identity; None: the system-assigned one, or whoever is logged in."""
    principal_id: str = ""
    """Object id of that identity: what the events of our own writes name; empty where it is not known."""

    def __post_init__(self) -> None:
        """Refuse an endpoint that tokens must not be sent to; raises ValueError."""
        parts = urlsplit(self.endpoint)
        if parts.scheme != "https" or not parts.hostname or parts.path or parts.query:
            right = "an https URL without a path, such as https://management.azure.com"
            raise ValueError(f"DRAWBRIDGE_ARM_ENDPOINT is {self.endpoint!r}: it must be {right}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read DRAWBRIDGE_ARM_ENDPOINT, AZURE_CLIENT_ID and DRAWBRIDGE_PRINCIPAL_ID; raises ValueError."""
        return cls(
            endpoint=(environment.get("DRAWBRIDGE_ARM_ENDPOINT") or _PUBLIC).rstrip("/"),
            client_id=environment.get("AZURE_CLIENT_ID") or None,
            principal_id=environment.get("DRAWBRIDGE_PRINCIPAL_ID", "").lower(),
        )

    @property
    def scope(self) -> str:
        """What a token is asked for."""
        return f"{_AUDIENCES.get(self.endpoint, _PUBLIC)}/.default"

    def leads_here(self, url: str, path: str) -> bool:
        """Tell whether an absolute URL is of our own ARM endpoint and under a path: ours is the token it would get."""
        parts = urlsplit(url)
        own = _origin(url) == _origin(self.endpoint) and parts.username is None
        return own and f"{parts.path}/".lower().startswith(f"{path}/".lower()) and ".." not in parts.path


def _origin(url: str) -> tuple[str, str | None, int]:
    """Give what makes two URLs lead to one server: Azure's links sometimes spell the port out."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _HTTPS_PORT


@dataclass(slots=True)
class CallCounts:
    """Requests that went out on the wire."""

    reads: int = 0
    writes: int = 0
    throttles: int = 0
    """Answers by which Azure asked for fewer requests."""


_counting: ContextVar[tuple[CallCounts, ...]] = ContextVar("drawbridge_arm_calls", default=())


@contextmanager
def counted() -> Iterator[CallCounts]:
    """Count the calls made inside, and by tasks started inside; may be nested."""
    counts = CallCounts()
    token = _counting.set((*_counting.get(), counts))
    try:
        yield counts
    finally:
        _counting.reset(token)


def calls_so_far() -> CallCounts:
    """Give the innermost count that is going on; all zero where none is."""
    return (_counting.get() or (CallCounts(),))[-1]


class Clients:
    """SDK clients per subscription, made when first used; making this costs nothing."""

    def __init__(self, settings: ArmSettings, credential: AsyncTokenCredential | None = None) -> None:
        self.settings = settings
        self.calls = CallCounts()
        self._credential = credential
        self._pipeline: AsyncPipeline[HttpRequest, AsyncHttpResponse] | None = None
        self._kept: OrderedDict[tuple[str, str], Any] = OrderedDict()

    def credential(self) -> AsyncTokenCredential:
        """Give the process's credential: whatever DefaultAzureCredential finds."""
        if self._credential is None:
            from azure.identity.aio import DefaultAzureCredential

            self._credential = DefaultAzureCredential(managed_identity_client_id=self.settings.client_id)
        return self._credential

    def redis(self, subscription: str) -> RedisManagementClient:
        """Give the client for classic caches."""

        def build() -> RedisManagementClient:
            from azure.mgmt.redis.aio import RedisManagementClient

            return RedisManagementClient(self.credential(), subscription, self.settings.endpoint, **self._options())

        return self._keep("redis", subscription, build)

    def enterprise(self, subscription: str) -> RedisEnterpriseManagementClient:
        """Give the client for Azure Managed Redis and Enterprise clusters."""

        def build() -> RedisEnterpriseManagementClient:
            from azure.mgmt.redisenterprise.aio import RedisEnterpriseManagementClient

            endpoint = self.settings.endpoint
            return RedisEnterpriseManagementClient(self.credential(), subscription, endpoint, **self._options())

        return self._keep("enterprise", subscription, build)

    def network(self, subscription: str) -> NetworkManagementClient:
        """Give the client for endpoints; the first one costs the import of a very large package."""

        def build() -> NetworkManagementClient:
            from azure.mgmt.network.aio import NetworkManagementClient

            return NetworkManagementClient(self.credential(), subscription, self.settings.endpoint, **self._options())

        return self._keep("network", subscription, build)

    def dns(self, subscription: str) -> PrivateDnsManagementClient:
        """Give the client for private DNS zones."""

        def build() -> PrivateDnsManagementClient:
            from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

            endpoint = self.settings.endpoint
            return PrivateDnsManagementClient(self.credential(), subscription, endpoint, **self._options())

        return self._keep("dns", subscription, build)

    def plain(self) -> AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse]:
        """Give a client for ARM's own resources, which need no package of their own."""

        def build() -> AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse]:
            from azure.mgmt.core import AsyncARMPipelineClient

            return AsyncARMPipelineClient(self.settings.endpoint, **self._options())

        return self._keep("plain", "", build)

    def throttled(self) -> None:
        """Count an answer by which Azure asked for fewer requests."""
        log.measure("throttled by azure")
        for counts in (self.calls, *_counting.get()):
            counts.throttles += 1

    async def close(self) -> None:
        """Close the connections and the credential; a later call would open new ones."""
        pipeline, self._pipeline = self._pipeline, None
        credential, self._credential = self._credential, None
        self._kept.clear()
        if pipeline is not None:
            await pipeline.__aexit__()
        if credential is not None:
            await credential.close()

    def _keep(self, service: str, subscription: str, build: Callable[[], T]) -> T:
        """Keep the clients used last: each is bound to one subscription, and there may be hundreds."""
        client = self._kept.pop((service, subscription), None) or build()
        self._kept[service, subscription] = client
        if len(self._kept) > _CLIENTS_KEPT:
            self._kept.popitem(last=False)
        return cast("T", client)

    def _options(self) -> dict[str, Any]:
        """Give what makes an SDK client use our pipeline and build none of its own."""
        self._pipeline = self._pipeline or self._build_pipeline()
        return {"pipeline": self._pipeline, "policies": [], "credential_scopes": [self.settings.scope]}

    def _build_pipeline(self) -> AsyncPipeline[HttpRequest, AsyncHttpResponse]:
        """Build the pipeline; must run inside the event loop that will use it.

        Left out on purpose: retries, redirects (a token must not travel), provider registration, logging.
        """
        from azure.core.pipeline import AsyncPipeline
        from azure.core.pipeline import policies as core
        from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

        policies: list[AsyncHTTPPolicy[Any, Any] | SansIOHTTPPolicy[Any, Any]] = [
            core.RequestIdPolicy(),
            core.HeadersPolicy(),
            core.UserAgentPolicy(f"drawbridge/{VERSION}"),
            core.CustomHookPolicy(),
            core.ContentDecodePolicy(),
            AsyncARMChallengeAuthenticationPolicy(self.credential(), self.settings.scope),
            _counting_policy(self.calls),
        ]
        return AsyncPipeline(_transport(), policies)


def _counting_policy(calls: CallCounts) -> SansIOHTTPPolicy[Any, Any]:
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class Counting(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: PipelineRequest[Any]) -> None:
            reading = request.http_request.method in _READING
            log.measure("asked azure", kind="read" if reading else "write")
            for counts in (calls, *_counting.get()):
                if reading:
                    counts.reads += 1
                else:
                    counts.writes += 1

    return Counting()


def _transport() -> Any:  # noqa: ANN401 - azure-core types its transports by requests and answers that it never names
    """Open one connection pool with one TLS context.

    The context is made here and not by aiohttp (which makes its own when it is imported), so that SSL_CERT_FILE is
    honoured whenever it was set; azure-core's ``connection_verify`` would make one per request and reuse no connection.
    """
    import ssl

    import aiohttp
    from azure.core.pipeline.transport import AioHttpTransport

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=True,
    )
    # aiohttp would send a GET, PUT or DELETE a second time by itself when a kept connection turns out to be lost:
    # a write that may have happened would then look like one that was refused. It has no public switch for it.
    session._retry_connection = False  # noqa: SLF001
    return AioHttpTransport(session=session, connection_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS)
