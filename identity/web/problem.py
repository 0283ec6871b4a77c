"""The one place that writes a problem as HTTP: {"error": {"code", "message", "title"}}."""

from __future__ import annotations

from identity import errors
from identity.web.reply import Reply, json_reply


def problem_reply(problem: errors.Problem, uri: str) -> Reply:
    """The answer for `problem`. A 401 without a challenge of its own names this API (RFC 9110, section 11.6.1)."""
    headers = problem.headers
    if problem.status == 401 and not any(name.lower() == "www-authenticate" for name, _ in headers):
        headers = (*headers, ("WWW-Authenticate", f'Keystone uri="{uri}"'))
    if problem.status == 503:
        headers = (*headers, ("Retry-After", "1"))
    body = {"error": {"code": problem.status, "message": problem.message, "title": problem.title}}
    return json_reply(body, problem.status, headers)


def of_status(status: int) -> errors.Problem:
    """The problem for a status that the framework itself found (no such URL, wrong method, bad request)."""
    for kind in (errors.NotFound, errors.MethodNotAllowed, errors.TooLarge):
        if kind.status == status:
            return kind()
    return errors.BadRequest() if status < 500 else errors.Problem()
