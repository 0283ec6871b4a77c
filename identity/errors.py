"""The tree of problems: status, title and public message; the reason is for the log alone.

Depends on nothing. Below `web/` code raises these; `web/problem.py` alone writes them as HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Problem(Exception):
    """A request that cannot be served.

    `message` is public and repeats no input that may be secret; `reason` is for the log and the audit only.
    `headers` are added to the answer.
    """

    status = 500
    title = "Internal Server Error"
    public = "An unexpected error prevented the server from fulfilling your request."

    def __init__(
        self,
        message: str | None = None,
        *,
        reason: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.message = message or self.public
        self.reason = reason or self.message
        self.headers = headers
        super().__init__(self.reason)


class BadRequest(Problem):
    status = 400
    title = "Bad Request"
    public = "The request could not be understood."


class PasswordTooLong(BadRequest):
    public = "The password is longer than the allowed 4096 bytes."


class Unauthorized(Problem):
    """Authentication failed. Every failure of a proof shares one public message (CWE-203, CWE-204)."""

    status = 401
    title = "Unauthorized"
    public = "The request you have made requires authentication."


class ChallengeRequired(Unauthorized):
    """The proof was not sent: the answer carries a challenge (RFC 9110, section 11.6.1)."""


class Forbidden(Problem):
    status = 403
    title = "Forbidden"
    public = "You are not authorized to perform the requested action."


class NotFound(Problem):
    status = 404
    title = "Not Found"
    public = "The resource could not be found."


def missing(what: str, id: str) -> NotFound:
    """What a 404 says of a thing that the client named by its id: `missing("user", id)`."""
    return NotFound(f"Could not find {what}: {id[:64]}.")


class TokenNotFound(NotFound):
    """A token that is unknown, malformed, expired or revoked: all alike to the caller."""

    public = "Could not recognize the token."


class TokenUnfounded(TokenNotFound):
    """A token whose user, scope or role is not in the database: gone, or, where that is a replica, not there yet."""


class MethodNotAllowed(Problem):
    status = 405
    title = "Method Not Allowed"
    public = "The method is not allowed for the requested URL."


class Conflict(Problem):
    status = 409
    title = "Conflict"
    public = "Conflict occurred attempting to store the resource."


@contextmanager
def taken(what: str, name: str) -> Iterator[None]:
    """Around a write whose only conflict is the name's: the 409 says so. `taken("user", name)`."""
    try:
        yield
    except Conflict as problem:
        if problem.message != Conflict.public:
            raise
        raise Conflict(f"There is already a {what} {name[:64]!r}; choose another name.", reason=problem.reason) from problem


class Gone(Problem):
    """What was served once and is no longer."""

    status = 410
    title = "Gone"
    public = "This interface is no longer served."


class TooLarge(Problem):
    status = 413
    title = "Request Entity Too Large"
    public = "The request body is larger than the allowed size."


class Unavailable(Problem):
    """A part this request needs is away for now. Never answered as 401 or 404: that would be untrue."""

    status = 503
    title = "Service Unavailable"
    public = "The service is temporarily unavailable; try again."


class SettingsError(Exception):
    """One or more mistakes in the configuration; `problems` lists them all, each with its place and the cure."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class StartError(Exception):
    """The process cannot start; the message is one line that says what to do."""
