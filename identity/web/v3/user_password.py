"""A user's own change of the password. It needs no token: the present password is the proof, and an expired one is enough."""

from __future__ import annotations

import msgspec

from identity import errors
from identity.web.body import given
from identity.web.context import Call
from identity.web.reply import NO_CONTENT, Reply
from identity.web.route import PUBLIC, route


class PasswordBody(msgspec.Struct):
    original_password: str
    password: str

    def __repr__(self) -> str:
        return "PasswordBody(...)"  # it holds secrets, and may stand in a traceback


class WantedPassword(msgspec.Struct):
    user: PasswordBody


@route(
    "POST",
    "/v3/users/<user_id>/password",
    policy=PUBLIC,
    summary="Change one's own password, which the present one proves; ends all of the user's tokens.",
    body=WantedPassword,
    errors=(400, 401),
    status=204,
)
def change_password(call: Call) -> Reply:
    body = given(call, "user", PasswordBody).known
    user_id = call.args["user_id"]
    try:
        call.services.passwords.change(user_id, body.original_password, body.password)
    except errors.Unauthorized as problem:  # a guess made here must be seen like one made at a log-in
        request_id = call.environ.get("gatestone.request_id", "")
        tell = call.services.authenticator.tell_failure
        tell(problem, ("password",), call.face, call.peer, request_id=request_id, told={"user_id": user_id})
        raise
    return NO_CONTENT
