"""The commands. Each makes calls of the API, says what came of them, and ends with a code to branch on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click
from click.shell_completion import get_completion_class
from rich.markup import escape

from drawbridge_cli import __version__
from drawbridge_cli.caches import KINDS, CacheName, InvalidCacheError
from drawbridge_cli.client import Client, Json, Reply
from drawbridge_cli.exits import Exit, of_state, of_verdict
from drawbridge_cli.following import Patience, follow, interrupted
from drawbridge_cli.screen import Screen, fleet_table, standing, subscriptions_table

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)?")
_UNITS = {"s": 1, "m": 60, "h": 3600, None: 1}
# A look at a cache, other than at an endpoint, costs calls to Azure: it is not taken more often than a pass is.
_LOOK = 15.0
_VERDICTS = ("Compliant", "Converging", "Blocked", "Exempt", "AuditOnly", "OutOfScope")


class Span(click.ParamType[float]):
    """A length of time: ``90``, ``90s``, ``15m``, ``1.5h``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's
        if isinstance(value, float):
            return value
        found = _SPAN.fullmatch(str(value).strip())
        if not found:
            self.fail(f"'{value}' is no length of time; it would have to look like 90s, 15m or 1h", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


class Cache(click.ParamType[CacheName]):
    """A cache, as a resource id or as subscription/group/name."""

    name = "cache"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> CacheName:  # noqa: ANN401 - click's
        try:
            return value if isinstance(value, CacheName) else CacheName.parse(str(value))
        except InvalidCacheError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True)
class Session:
    """What the options before a command say."""

    screen: Screen
    url: str

    def client(self) -> Client:
        """Give the app to call; raises SetupError."""
        return Client.from_environment(url=self.url)


Command = Callable[..., Any]


def the_session(command: Command) -> Command:
    """Give a command its session, and let ``--json`` stand after it as well as before."""
    with_json = click.option("--json", is_flag=True, expose_value=False, callback=_as_json, help="Print JSON.")
    return with_json(click.make_pass_decorator(Session)(command))


def _as_json(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    if value:
        context.obj = replace(context.obj, screen=Screen(as_json=True))


a_cache = click.argument("cache", type=Cache())
a_kind = click.option("--kind", type=click.Choice(KINDS), help="Which is meant, where two caches share a name.")
a_placement = click.option("--placement", "-p", help="A placement of the policy, by its alias.")
a_timeout = click.option(
    "--timeout", type=Span(), default="30m", show_default=True, help="How long to wait: 90s, 15m, 1h."
)


def examples(*lines: str) -> str:
    """Put examples under a command's help, each on its own line."""
    return "\b\nExamples:\n" + "\n".join(f"  drawbridge {line}" for line in lines)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExit codes:\n  0  ready\n  1  error: a wrong option, no connection, not allowed, no such cache\n"
    "  2  blocked: it will not come by itself, and the reason says why\n"
    "  3  not yet: the time was up before it was ready\n\n"
    "\b\nSettings:\n  DRAWBRIDGE_URL    https://<app>.azurewebsites.net\n  DRAWBRIDGE_KEY    a function key\n"
    "  DRAWBRIDGE_TOKEN  an access token of Entra ID, instead of a key",
)
@click.option("--url", help="The app; instead of DRAWBRIDGE_URL.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the answer as one JSON document; steps go to the error stream."
)
@click.version_option(__version__, prog_name="drawbridge")
@click.pass_context
def drawbridge(context: click.Context, *, url: str | None, as_json: bool) -> None:
    """Ask Drawbridge for private endpoints of Azure Redis caches, and wait until traffic can flow.

    CACHE is SUBSCRIPTION/GROUP/NAME, or the cache's resource id.
    """
    context.obj = Session(Screen(as_json), url or "")


@drawbridge.command(
    epilog=examples(
        "attach $SUB/rg-shop/shop -p weu-prod",
        "attach $ID -p weu-prod --timeout 15m --json",
        "attach $ID -p weu-prod --dry-run",
        "attach $ID -p weu-prod --no-wait",
    )
)
@a_cache
@click.option("--placement", "-p", required=True, help="A placement of the policy, by its alias.")
@a_kind
@a_timeout
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it is ready or blocked.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@the_session
def attach(  # noqa: PLR0913 - the options of a command
    session: Session, cache: CacheName, *, placement: str, kind: str | None, timeout: float, wait: bool, dry_run: bool
) -> Exit:
    """Ask for a private endpoint of CACHE in a placement, and wait until it is ready.

    Asking again is harmless.
    """
    client, named = session.client(), _meant(cache, kind)
    path = _endpoint(named, placement)
    if dry_run:
        reply = client.ask("PUT", path, {**named.query, "dryRun": True}, {})
        return _rehearsed(session, reply.body)
    reply = client.ask("PUT", path, named.query, {})
    if wait and reply.body.get("state") == "Converging":
        return _followed(session, client, named, placement, timeout, reply.body)
    session.screen.answer(reply.body, standing(reply.body))
    return (
        Exit.READY if not wait and reply.body.get("state") == "Converging" else of_state(str(reply.body.get("state")))
    )


@drawbridge.command(epilog=examples("status $SUB/rg-shop/shop", "status $ID -p weu-prod --json"))
@a_cache
@a_placement
@a_kind
@the_session
def status(session: Session, cache: CacheName, *, placement: str | None, kind: str | None) -> Exit:
    """Say where CACHE, or its endpoint in a placement, stands now."""
    client, named = session.client(), _meant(cache, kind)
    if placement:
        body = client.ask("GET", _endpoint(named, placement), named.query).body
        session.screen.answer(body, standing(body))
        return of_state(str(body.get("state")))
    body = client.ask("GET", named.path, named.query).body
    session.screen.answer(body, _looked_at(named, body))
    return _exit_of(body)


@drawbridge.command(name="wait", epilog=examples("wait $SUB/rg-shop/shop -p weu-prod --timeout 20m", "wait $ID"))
@a_cache
@a_placement
@a_kind
@a_timeout
@the_session
def wait_for(session: Session, cache: CacheName, *, placement: str | None, kind: str | None, timeout: float) -> Exit:
    """Wait until CACHE, or its endpoint in a placement, is ready or blocked.

    With a placement, waiting costs no call to Azure.
    """
    client, named = session.client(), _meant(cache, kind)
    if placement:
        return _followed(session, client, named, placement, timeout)

    def ask(hold: int) -> Reply:
        reply = client.ask("GET", named.path, {**named.query, "wait": hold})
        return Reply(reply.status, {**reply.body, "state": _state_of(reply.body), **_said(reply.body)}, reply.after)

    with interrupted(session.screen.note), session.screen.following(str(named)) as progress:
        reply = follow(ask, Patience(timeout), progress, pause=_LOOK)
    session.screen.answer(reply.body, _looked_at(named, reply.body))
    return of_state(str(reply.body["state"]))


@drawbridge.command(epilog=examples("plan $SUB/rg-shop/shop", "plan $ID --json"))
@a_cache
@a_kind
@the_session
def plan(session: Session, cache: CacheName, *, kind: str | None) -> Exit:
    """Say what Drawbridge would do about CACHE now, and why; nothing is changed."""
    named = _meant(cache, kind)
    body = session.client().ask("GET", named.path, named.query).body
    planned = body.get("plan") or {}
    lines = _actions(planned)
    lines += [f"  note: {note}" for note in (body.get("desired") or {}).get("notes") or ()]
    session.screen.answer(body, lines)
    return Exit.READY


@drawbridge.command(
    epilog=examples("fleet", "fleet --verdict Blocked", "fleet --subscription $SUB --kind managed --json")
)
@click.option("--subscription", help="Only caches of this subscription, by its id.")
@click.option("--verdict", type=click.Choice(_VERDICTS), help="Only caches of this verdict.")
@click.option("--reason", help="Only caches that are Blocked for this reason, such as SubnetFull.")
@a_kind
@click.option("--tag", help="Only caches with this tag: NAME or NAME=VALUE.")
@the_session
def fleet(session: Session, **filters: str | None) -> Exit:
    """List all caches that Drawbridge knows, with their verdicts."""
    client = session.client()
    query: dict[str, object] = {name: value for name, value in filters.items() if value}
    rows: list[Json] = []
    token: object = ""
    while True:
        body = client.ask("GET", "caches", {**query, "pageToken": token}).body
        rows += body.get("value") or []
        token = _token(str(body.get("nextLink") or ""))
        if not token:
            break
    counted: dict[str, int] = {}
    for row in rows:
        word = _verdict_word(row)
        counted[word] = counted.get(word, 0) + 1
    summary = ", ".join(f"{count} {word}" for word, count in sorted(counted.items()))
    session.screen.table(
        {"value": rows},
        fleet_table(rows),
        [f"{len(rows)} {'cache' if len(rows) == 1 else 'caches'}" + (f": {summary}" if rows else "")],
    )
    return Exit.READY


@drawbridge.command(epilog=examples("subscriptions", "subscriptions --problems", "subscriptions --json"))
@click.option("--problems", is_flag=True, help="Only those that something is the matter with.")
@the_session
def subscriptions(session: Session, *, problems: bool) -> Exit:
    """List the subscriptions in scope: when an event of each last came, what is the matter, and what mends it."""
    body = session.client().ask("GET", "subscriptions").body
    rows: list[Json] = body.get("value") or []
    ill = [row for row in rows if row.get("problems")]
    shown = ill if problems else rows
    told = f"{len(rows)} {'subscription' if len(rows) == 1 else 'subscriptions'}, {len(ill)} with problems"
    session.screen.table({**body, "value": shown}, subscriptions_table(shown), [told])
    return Exit.READY


@drawbridge.command(
    epilog=examples(
        "exempt $ID --until 2026-12-31 --reason 'moving off the old client' --owner team-shop",
        "exempt $ID --end",
        "exempt $ID",
    )
)
@a_cache
@a_kind
@click.option("--until", help="The last day (UTC) on which public access is tolerated: YYYY-MM-DD.")
@click.option("--reason", help="Why; the policy may demand it.")
@click.option("--owner", help="Whom to ask about it.")
@click.option("--end", is_flag=True, help="End the exemption now.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@the_session
def exempt(  # noqa: PLR0913 - the options of a command
    session: Session,
    cache: CacheName,
    *,
    kind: str | None,
    until: str | None,
    reason: str | None,
    owner: str | None,
    end: bool,
    dry_run: bool,
) -> Exit:
    """Tolerate public access of CACHE until the end of a day; without options, show the exemption that is in force.

    It needs the role Drawbridge.Admin, and the policy bounds how far ahead the day may be.
    """
    if end and until:
        raise click.UsageError("--until and --end contradict each other")
    if bool(owner) != bool(until) or (reason and not until):
        raise click.UsageError("--until and --owner go together, and --reason with them")
    client, named = session.client(), _meant(cache, kind)
    path, query = f"{named.path}/exemption", {**named.query, "dryRun": dry_run or None}
    if end:
        reply = client.ask("DELETE", path, query)
    elif until:
        wish = {"until": until, "reason": reason, "owner": owner}
        reply = client.ask("PUT", path, query, {name: value for name, value in wish.items() if value})
    else:
        reply = client.ask("GET", path, named.query)
    if dry_run:
        return _rehearsed(session, reply.body)
    shown = ("state", "until", "reason", "owner", "grantedBy")
    lines = [f"{name}: {escape(str(reply.body[name]))}" for name in shown if reply.body.get(name)]
    lines = lines or ["There is no exemption any more."]
    session.screen.answer(reply.body, lines)
    return Exit.READY


@drawbridge.command(
    epilog=examples("completion bash > /etc/bash_completion.d/drawbridge", "completion zsh > ~/.zfunc/_drawbridge")
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> Exit:
    """Print what lets a shell complete the command."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(found(drawbridge, {}, "drawbridge", "_DRAWBRIDGE_COMPLETE").source())
    return Exit.READY


# ── what the commands share ─────────────────────────────────────────────────────────────────────


def _meant(cache: CacheName, kind: str | None) -> CacheName:
    return CacheName(cache.subscription, cache.group, cache.name, kind or cache.kind)


def _endpoint(cache: CacheName, placement: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", placement):
        raise click.UsageError(f"'{placement[:80]}' is no placement: an alias is 1–63 letters, digits and - _ .")
    return f"{cache.path}/endpoints/{placement}"


def _followed(  # noqa: PLR0913, PLR0917 - what is waited for, where, how long, and what was said before
    session: Session, client: Client, named: CacheName, placement: str, timeout: float, first: Json | None = None
) -> Exit:
    """Wait for an endpoint and say how it ended."""
    path = _endpoint(named, placement)

    def ask(hold: int) -> Reply:
        return client.ask("GET", path, {**named.query, "wait": hold})

    with interrupted(session.screen.note), session.screen.following(f"{named.name} in {placement}") as progress:
        if first:
            progress.tell(first)
        reply = follow(ask, Patience(timeout), progress)
    session.screen.answer(reply.body, standing(reply.body))
    return of_state(str(reply.body.get("state")))


def _rehearsed(session: Session, body: Json) -> Exit:
    lines = ["Nothing has been changed. What would be:", f"  {body.get('stored') or 'nothing would be stored'}"]
    session.screen.answer(body, [*lines, *_actions(body.get("plan") or {})])
    return Exit.READY


def _actions(planned: Json) -> list[str]:
    actions = planned.get("actions") or ()
    lines = [f"  would {action}" for action in actions] or ["  would write nothing in Azure"]
    return [*lines, *(f"  {line}" for line in standing(planned.get("verdict") or {}))]


def _looked_at(named: CacheName, body: Json) -> list[str]:
    seen = body.get("observed") or {}
    lines = [str(named), *(f"  {line}" for line in standing({**_said(body), "since": body.get("since")}))]
    if seen:
        lines.append(f"  {seen.get('kind')}, {seen.get('region')}, public access {seen.get('publicNetworkAccess')}")
    return lines


def _said(body: Json) -> Json:
    """Give the last verdict on a cache; before the first pass, what a pass would say."""
    said = body.get("verdict")
    if isinstance(said, dict):
        return said
    return (
        {"verdict": "Converging", "step": "the cache waits for its first pass"} if said is None else {"verdict": said}
    )


def _state_of(body: Json) -> str:
    if body.get("state"):
        return str(body["state"])
    code = _exit_of(body)
    return {Exit.READY: "Ready", Exit.NOT_YET: "Converging"}.get(code, "Blocked")


def _exit_of(body: Json) -> Exit:
    if body.get("state"):
        return of_state(str(body["state"]))
    return of_verdict(str(_said(body).get("verdict")))


def _verdict_word(row: Json) -> str:
    said = row.get("verdict")
    return str((said.get("verdict") if isinstance(said, dict) else said) or "not looked at")


def _token(link: str) -> str:
    """Take the token out of a link to the next page: the link's own address is not followed."""
    from urllib.parse import parse_qs, urlsplit  # noqa: PLC0415 - one page is the rule

    return (parse_qs(urlsplit(link).query).get("pageToken") or [""])[0]
