"""A user's own change of the password. It ends all of the user's tokens, so the answer brings a new one of the same scope."""

from __future__ import annotations

import msgspec

from identity import errors
from identity.model.auth import ProjectRef, ScopeRequest
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
    errors=(400, 401, 403),
)
def change_own_password(call: Call) -> Reply:
    access = call.caller.access
    call.enforce()
    if not can_be_told(access, home(call)):
        raise errors.Forbidden("This kind of token cannot be used to change a password; log in with the password for it.")
    body = given(call, "user", PasswordBody).known
    user_id = call.args["user_id"]
    try:
        call.services.passwords.change(user_id, body.original_password, body.password)
    except errors.Unauthorized as problem:  # a guess made here must be seen like one made at a log-in
        request_id = call.environ.get("gatestone.request_id", "")
        tell = call.services.authenticator.tell_failure
        tell(problem, ("password",), call.face, call.peer, request_id=request_id, told={"user_id": user_id})
        raise
    project_id = access.claims.project_id
    scope = ScopeRequest(project=ProjectRef(id=project_id)) if project_id else ScopeRequest(unscoped=True)
    proof = auth_body.PasswordShape(body.password, userId=user_id)
    return issued(call, auth_body.password(proof, scope, home(call)))
