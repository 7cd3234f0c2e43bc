"""What schemathesis is told about this API beside its document; runs in schemathesis' own environment."""

from __future__ import annotations

from typing import Any

import schemathesis

_LONGEST = 1


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ANN401 - schemathesis' own types
    """Wait shortly where the API would rightly wait long: a run of thousands of cases cannot sit out each."""
    del context, kwargs
    wait = str((case.query or {}).get("wait", ""))
    if wait.isascii() and wait.isdigit() and _LONGEST < int(wait) <= _MOST:
        case.query["wait"] = str(_LONGEST)


_MOST = 200
