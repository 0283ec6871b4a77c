"""Holds the routes against the rules when the service starts.

A route without a policy, or with one that nobody defined, would be refused or (worse) served to everyone only when the
first request comes; here the process does not start.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Final

from identity.errors import StartError

PUBLIC: Final = "public"
"""What a route declares that needs no token; said, so that it cannot be forgotten."""


def verify(declared: Iterable[tuple[str, str]], rules: Collection[str]) -> None:
    """Check (route, policy) pairs, such as ("GET /v3/users", "identity:list_users"), against the names of the rules.

    Raises `StartError` that lists every route at fault.
    """
    problems = [problem for route, policy in declared if (problem := _problem(route, policy, rules)) is not None]
    if problems:
        raise StartError("routes without a valid policy: " + "; ".join(problems))


def _problem(route: str, policy: str, rules: Collection[str]) -> str | None:
    if policy == PUBLIC or policy in rules:
        return None
    if not policy:
        return f"{route} declares no policy"
    close = difflib.get_close_matches(policy, rules, n=1)
    return f"{route} declares `{policy}`, which is not a rule" + (f"; did you mean `{close[0]}`?" if close else "")
