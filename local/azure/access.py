"""Before a call is handled: the subscription exists, the caller may, nothing is locked, no policy denies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from local.azure import errors, locks
from local.azure.calls import Call, Caller
from local.azure.faults import Denied, Faults, Lock, PolicyDenial
from local.azure.paths import LOCK, PROVIDER, SUBSCRIPTION, TAGS, ArmPath
from local.azure.routes import Route
from local.azure.store import Store
from local.azure.subscriptions import Directory

_VERBS = {"GET": "read", "HEAD": "read", "DELETE": "delete", "PUT": "write", "PATCH": "write", "POST": "action"}


def action_of(call: Call, route: Route) -> str:
    """Name the action that a call needs the right to."""
    if call.method == "POST":
        return f"{route.operation}/{call.path.action or 'action'}/action"
    return f"{route.operation}/{_VERBS[call.method]}"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role's actions, each spelt out, at a scope and below."""

    actions: frozenset[str]
    scope: str = "/"

    def covers(self, action: str, scope: str) -> bool:
        within = (scope.lower().rstrip("/") + "/").startswith(self.scope.lower().rstrip("/") + "/")
        return within and action.lower() in {each.lower() for each in self.actions}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what, and where nobody may."""

    faults: Faults
    directory: Directory
    store: Store
    grants: dict[str, tuple[Grant, ...]] = field(default_factory=dict)
    """Object id → what that identity may do. One that is not named may do everything."""

    def check(self, call: Call, route: Route) -> None:
        """Refuse with ArmError what would not reach the provider."""
        if call.path.subscription and not self.directory.knows(call.path.subscription):
            raise errors.subscription_not_found(call.path.subscription)
        self._authorize(call, route)
        if call.method in {"GET", "HEAD"}:
            return
        self._check_locks(call)
        if call.method == "POST":
            return
        if call.method == "PUT":
            self._check_registration(call, route)
        if call.method != "DELETE":
            self._check_policies(call, route)

    def may(self, call: Call, action: str, scope: str) -> bool:
        """Say whether the caller has the right to an action at a scope."""
        denied = any(each.covers(action, scope) for each in self.faults.standing(Denied, call))
        return self._granted(call.caller, action, scope) and not denied

    def require_linked(self, call: Call, held: str, lacked: str, scope: str) -> None:
        """Refuse a write whose caller lacks a right at what it links to."""
        if not self.may(call, lacked, scope):
            raise errors.linked_unauthorized(call.caller, (held, call.path.text), (lacked, scope))

    def visible(self, caller: Caller, subscription: str) -> bool:
        """Say whether a caller can see a subscription in a list."""
        scope = f"/subscriptions/{subscription}"
        return self.may(_list_call(caller), "Microsoft.Resources/subscriptions/read", scope)

    def _granted(self, caller: Caller, action: str, scope: str) -> bool:
        grants = self.grants.get(caller.object_id)
        return grants is None or any(grant.covers(action, scope) for grant in grants)

    def _authorize(self, call: Call, route: Route) -> None:
        if call.path.type == SUBSCRIPTION and call.path.is_list:
            return
        action, scope = action_of(call, route), _scope(call)
        if not self.may(call, action, scope):
            raise errors.unauthorized(call.caller, action, scope)

    def _check_locks(self, call: Call) -> None:
        """Refuse what a lock holds back: of a ReadOnly one, actions too, since each could change something.

        Locks themselves can be made and lifted all the same.
        """
        if call.path.type == LOCK:
            return
        verb = "delete" if call.method == "DELETE" else "write"
        scope = call.path.scope
        within = scope.lower() + "/"
        for locked, level in self._locked(call):
            covered = within.startswith(locked.lower().rstrip("/") + "/")
            # Deleting a group deletes what a lock inside it holds.
            inside = verb == "delete" and locked.lower().startswith(within)
            if (covered or inside) and (verb == "delete" or level == "ReadOnly"):
                raise errors.scope_locked(scope, verb, locked)

    def _locked(self, call: Call) -> Iterator[tuple[str, str]]:
        """Give the scopes that are locked, with their levels: by faults, and by locks that somebody made."""
        yield from ((lock.scope, lock.level) for lock in self.faults.standing(Lock, call))
        if call.path.subscription:
            standing = locks.in_subscription(self.store, call.path.subscription)
            yield from ((lock.scope, lock.level) for lock in standing)

    def _check_registration(self, call: Call, route: Route) -> None:
        namespace = route.type.split("/", 1)[0]
        if call.path.type == TAGS or namespace in {"Microsoft.Resources", "Microsoft.Authorization"}:
            return
        if not self.directory.registered(call.path.subscription, namespace):
            raise errors.not_registered(namespace)

    def _check_policies(self, call: Call, route: Route) -> None:
        within = call.path.scope.lower() + "/"
        for denial in self.faults.standing(PolicyDenial, call):
            if denial.type.lower() == route.type.lower() and within.startswith(denial.scope.lower().rstrip("/") + "/"):
                raise errors.denied_by_policy(call.path.name, denial.assignment, denial.definition)


def _scope(call: Call) -> str:
    """Name where a right has to hold: of a list, what it is a list of."""
    if call.path.type == TAGS or not call.path.is_list:
        return call.path.text
    if call.path.type == PROVIDER:
        return f"/subscriptions/{call.path.subscription}"
    if call.path.names:
        return call.path.parent
    return call.path.text.split("/providers/", 1)[0] or call.path.text


def _list_call(caller: Caller) -> Call:
    return Call("GET", ArmPath("/subscriptions", SUBSCRIPTION, is_list=True), {}, None, caller)
