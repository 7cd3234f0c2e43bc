"""One call, and whatever may stand between the command and the app: proxies, gateways, sign-in pages."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from drawbridge_cli.client import CallError, Client, SetupError

KEY = "a-key-that-opens-much"


@dataclass
class Front:
    """Answers every call alike, and keeps what it was asked."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""


@contextmanager
def front(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[Front]:
    kept = Front(status, body, headers or {})

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            kept.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(kept.body)))
            self.end_headers()
            self.wfile.write(kept.body)

        do_GET = do_PUT = do_DELETE = answer  # noqa: N815 - the names of http.server

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        kept.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()


def client(at: Front) -> Client:
    return Client(at.url, KEY)


def test_a_call_carries_the_key_in_its_header_and_nowhere_else() -> None:
    with front(200, b"{}") as at:
        client(at).ask("PUT", "caches/s/g/n", {"kind": "classic", "dryRun": True, "tag": None}, {})

    method, path, headers = at.asked[0]
    assert (method, path) == ("PUT", "/api/caches/s/g/n?kind=classic&dryRun=true")
    assert headers["x-functions-key"] == KEY
    assert KEY not in path


def test_a_redirect_is_refused_so_that_the_key_goes_nowhere_else() -> None:
    with front(200, b"{}") as thief, front(307, b"", {"Location": "placeholder"}) as at:
        at.headers["Location"] = f"{thief.url}/api/caches"
        with pytest.raises(CallError, match="307"):
            client(at).ask("GET", "caches")

        assert thief.asked == []


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        pytest.param(401, b"", "DRAWBRIDGE_KEY", id="no-key"),
        pytest.param(404, b"<html>Not found</html>", "no Drawbridge at this address", id="another-site"),
        pytest.param(
            400,
            b'{"error": {"code": "InvalidRequest", "message": "until is \'soon\'", "target": "until"}}',
            r"400 \[InvalidRequest\]: until is 'soon'",
            id="one-mistake",
        ),
        pytest.param(
            400,
            b'{"error": {"code": "InvalidRequest", "message": "2 mistakes", "details": '
            b'[{"code": "x", "message": "is no date", "target": "until"}]}}',
            "2 mistakes\n  until: is no date",
            id="several-mistakes",
        ),
        pytest.param(
            409, b'{"error": {"code": "LastEndpoint", "message": "it is the last"}}', "LastEndpoint", id="clash"
        ),
        pytest.param(418, b"<p>no</p>", "answered 418", id="not-an-answer-of-the-app"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_the_app(status: int, body: bytes, words: str) -> None:
    with front(status, body, {"x-ms-request-id": "r-1"}) as at, pytest.raises(CallError, match=words) as caught:
        client(at).ask("GET", "caches/s/g/n")

    assert not caught.value.again
    assert "(request r-1)" in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_marked_so_with_the_time_that_was_asked_for(status: int) -> None:
    with front(status, b"gateway", {"Retry-After": "7"}) as at, pytest.raises(CallError) as caught:
        client(at).ask("GET", "caches")

    assert (caught.value.again, caught.value.after, caught.value.status) == (True, 7.0, status)


def test_a_blocked_state_is_an_answer_and_no_error() -> None:
    with front(409, b'{"state": "Blocked", "reason": "SubnetFull"}') as at:
        assert client(at).ask("GET", "caches/s/g/n/endpoints/p").body["reason"] == "SubnetFull"


def test_an_app_that_does_not_answer_is_named_and_may_be_asked_again() -> None:
    with pytest.raises(CallError, match=r"http://127.0.0.1:9 cannot be reached") as caught:
        Client("http://127.0.0.1:9").ask("GET", "caches")

    assert caught.value.again


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "DRAWBRIDGE_URL"),
        ("drawbridge.azurewebsites.net", "https://<app>"),
        ("ftp://drawbridge", "https://<app>"),
        ("http://drawbridge.azurewebsites.net", "https only"),
    ],
)
def test_an_address_that_will_not_do_is_refused_before_any_call(url: str, words: str) -> None:
    with pytest.raises(SetupError, match=words):
        Client.from_environment({"DRAWBRIDGE_URL": url})


@pytest.mark.parametrize(
    "url", ["https://app.azurewebsites.net/", "https://app.azurewebsites.net/api", "http://localhost:7071"]
)
def test_an_address_may_end_as_people_copy_it(url: str) -> None:
    assert Client.from_environment({"DRAWBRIDGE_URL": url}).url in {
        "https://app.azurewebsites.net",
        "http://localhost:7071",
    }


def test_keys_and_tokens_are_not_shown() -> None:
    assert "secret" not in repr(Client("https://x", "secret-key", "secret-token"))
