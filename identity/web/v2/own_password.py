"""A user's own change of the password. It ends all of the user's tokens, so the answer brings a new one of the same scope."""

from __future__ import annotations

import msgspec

from identity import errors
from identity.model.auth import AuthRequest, ProjectRef, ScopeRequest
from identity.web.body import given
from identity.web.context import Call
from identity.web.reply import Reply
from identity.web.route import route
from identity.web.v2 import auth_body
from identity.web.v2.gate import can_be_told, home
from identity.web.v2.tokens import issued


class PasswordBody(msgspec.Struct):
    password: str
    original_password: str

    def __repr__(self) -> str:
        return "PasswordBody(...)"  # it holds secrets, and may stand in a traceback


class WantedPassword(msgspec.Struct):
    user: PasswordBody


@route(
    "PATCH",
    "/v2.0/OS-KSCRUD/users/<user_id>",
    policy="owner",
    summary="Change one's own password, which the present one proves; the answer is a new token.",
    body=WantedPassword,
    errors=(400, 401, 403, 503),
)
def change_own_password(call: Call) -> Reply:
    call.enforce()
    if not can_be_told(call.caller.access, home(call)):
        raise errors.Forbidden("This kind of token cannot be used to change a password; log in with the password for it.")
    body = given(call, "user", PasswordBody).known
    # First a log-in with the present password. It refuses, and tells the log, as any other does; and who needs more than a
    # password to log in learns so before the change, not by a 401 after it.
    issued(call, _login(call, body.original_password))
    call.services.passwords.change(call.args["user_id"], body.original_password, body.password)
    try:
        return issued(call, _login(call, body.password))
    except errors.Unavailable as problem:  # who repeats the request now would be told that the old password is wrong
        raise errors.Unavailable("The password has been changed: log in with the new one.", reason=problem.reason) from None


def _login(call: Call, password: str) -> AuthRequest:
    """The caller's own, for the tenant of the token that asks, or for none."""
    claims, name = call.caller.access.claims, call.caller.access.subject.user.name
    scope = ScopeRequest(project=ProjectRef(id=claims.project_id)) if claims.project_id else ScopeRequest(unscoped=True)
    return auth_body.password(auth_body.PasswordShape(password, username=name), scope, home(call))
