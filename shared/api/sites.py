"""Whether a page of another site has a browser make a call. Pure.

Who has signed in with Entra ID is known by a cookie, and a browser sends that whoever's page asks. An answer cannot be
read from another site, but a change would be made. So changes are taken from the app's own pages, and from programs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.api.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN = {"same-origin", "none"}
"""``none``: nobody's page, but the person at the browser."""
_SHOWN = 200


def insist_on_own_site(headers: Mapping[str, str]) -> None:
    """Raise ForbiddenError where a browser says that another site asks; ``headers`` are keyed in lower case.

    No page can change what a browser says here. Programs say nothing of the kind, and carry no cookie.
    """
    site, origin = headers.get("sec-fetch-site", "").strip().lower(), headers.get("origin", "").strip()
    if site:
        if site not in _OWN:
            raise _refused(f"'{site[:_SHOWN]}'", "Sec-Fetch-Site")
    elif origin and not _is_at(origin, headers.get("host", "")):
        # Browsers from before 2023 say no more than this.
        raise _refused(f"'{origin[:_SHOWN]}'", "Origin")


def _is_at(origin: str, host: str) -> bool:
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.strip().lower()
    except ValueError:
        return False


def _refused(said: str, header: str) -> ForbiddenError:
    return ForbiddenError(
        f"a page of another site ({header}: {said}) asks for this change; only this app's own pages may, and programs",
        header,
        code="CrossSite",
    )
