"""Which methods may be named where, and several of them at once."""

from __future__ import annotations

from typing import Any

import pytest

from identity.settings import Auth, Server
from tests.support.gateway import ADDRESS, Cloud, body_of, check_error, password_of, project, token_auth

PLAIN_FACES = ("", "/main", "/admin")
UNSUPPORTED = "Attempted to authenticate with an unsupported method."


def by_password(name: str, password: str | None = None) -> dict[str, Any]:
    return {"user": {"id": f"user-{name}", "password": password_of(name) if password is None else password}}


@pytest.mark.parametrize("face", PLAIN_FACES)
def test_password_and_token_on_every_plain_face(shared_cloud: Cloud, face: str):
    made = shared_cloud.issue(body_of({"methods": ["password"], "password": by_password("member")}), face=face)
    assert shared_cloud.issue(token_auth(made.token, project("web")), face=face).roles


@pytest.mark.parametrize("methods", [["password", "token"], ["token", "password"], ["token", "password", "token"]])
def test_two_methods_of_one_user(shared_cloud: Cloud, methods: list[str]):
    token = shared_cloud.login("member").token
    both = {"methods": methods, "password": by_password("member"), "token": {"id": token}}
    assert set(shared_cloud.issue(body_of(both)).shown["methods"]) == {"password", "token"}


@pytest.mark.parametrize(
    ("password_of_whom", "token_of_whom", "wrong"),
    [("member", "reader", None), ("reader", "member", None), ("member", "member", "wrong")],
)
def test_all_methods_must_prove_one_and_the_same_user(shared_cloud: Cloud, password_of_whom, token_of_whom, wrong):
    token = shared_cloud.login(token_of_whom).token
    both = {"methods": ["password", "token"], "password": by_password(password_of_whom, wrong), "token": {"id": token}}
    for order in (["password", "token"], ["token", "password"]):
        answer = shared_cloud.post(body_of({**both, "methods": order}))
        assert check_error(answer, 401)["message"] == "The request you have made requires authentication."


def test_a_password_does_not_make_a_bad_token_good(shared_cloud: Cloud):
    """Of the token alone it would be a 404, as in Keystone; beside a password that would tell that the password is right."""
    both = {"methods": ["password", "token"], "password": by_password("member"), "token": {"id": "rubbish"}}
    for order in (["password", "token"], ["token", "password"]):
        check_error(shared_cloud.post(body_of({**both, "methods": order})), 401)
    alone = shared_cloud.post(token_auth("rubbish"))
    assert check_error(alone, 404)["message"] == "Could not recognize the token."


def test_a_payload_that_no_method_names_is_passed_over(shared_cloud: Cloud):
    body = {"methods": ["password"], "password": by_password("member"), "token": {"id": "rubbish"}, "planet": {"id": 1}}
    assert shared_cloud.issue(body_of(body)).shown["methods"] == ["password"]


@pytest.mark.parametrize("face", PLAIN_FACES)
@pytest.mark.parametrize("method", ["totp", "saml2", "PASSWORD", "password ", "", "planet", "__class__", "mapped", "oauth1"])
def test_an_unknown_method(shared_cloud: Cloud, face: str, method: str):
    body = {"methods": [method], method: {}, "password": by_password("member")}
    assert check_error(shared_cloud.post(body_of(body), face=face), 401)["message"] == UNSUPPORTED
    body["methods"] = ["password", method]
    check_error(shared_cloud.post(body_of(body), face=face), 401)


@pytest.mark.parametrize("face", PLAIN_FACES)
@pytest.mark.parametrize("method", ["kerberos", "x509"])
def test_proofs_of_other_faces_are_refused_here(shared_cloud: Cloud, face: str, method: str):
    for methods in ([method], ["password", method]):
        body = body_of({"methods": methods, method: {}, "password": by_password("member")})
        answer = shared_cloud.post(body, face=face, headers={"Authorization": "Negotiate YII="})
        check_error(answer, 401)
        assert "Negotiate" not in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("methods", [["password"], ["token"], ["kerberos", "password"], ["external", "token"], ["planet"]])
def test_the_kerberos_face_takes_nothing_else(shared_cloud: Cloud, methods: list[str]):
    token = shared_cloud.login("member").token
    body = {"methods": methods, "password": by_password("member"), "token": {"id": token}, "kerberos": {}, "external": {}}
    error = check_error(shared_cloud.post(body_of(body), face="/krb"), 401)
    assert "/main/v3" in error["message"]


@pytest.mark.parametrize("methods", [[], ["kerberos"], ["external"], ["mapped"], ["x509"], ["kerberos", "external"]])
def test_the_kerberos_face_without_a_keytab_lets_nobody_in(shared_cloud: Cloud, methods: list[str]):
    body = body_of({"methods": methods, **{name: {} for name in methods}})
    check_error(shared_cloud.post(body, face="/krb", headers={"Authorization": "Negotiate YII="}), 401)


def test_the_certificate_face_is_not_on_this_listener(shared_cloud: Cloud):
    check_error(shared_cloud.post(body_of({"methods": ["x509"], "x509": {}}), face="/x509"), 404)


@pytest.mark.parametrize("methods", [[], None, "password", {"0": "password"}, [1], [None], [["password"]], ["password"] * 2 + [7]])
def test_methods_of_another_type(shared_cloud: Cloud, methods: Any):
    check_error(shared_cloud.post(body_of({"methods": methods, "password": by_password("member")})), 400)


def test_no_methods_and_too_many(shared_cloud: Cloud):
    check_error(shared_cloud.post(body_of({"password": by_password("member")})), 400)
    check_error(shared_cloud.post(body_of({"methods": [f"m{n}" for n in range(17)]})), 400)
    check_error(shared_cloud.post(body_of({"methods": ["password"]})), 400)
    # The same name again and again is one method.
    shared_cloud.issue(body_of({"methods": ["password"] * 1000, "password": by_password("member")}))


def test_a_method_that_is_switched_off(make_cloud):
    cloud = make_cloud(auth=Auth(methods=["token"]))
    answer = cloud.post(body_of({"methods": ["password"], "password": by_password("member")}))
    assert check_error(answer, 401)["message"] == UNSUPPORTED


class TestExternal:
    BODY = body_of({"methods": ["external"], "external": {}})

    def test_nobody_is_believed_without_a_trusted_hop(self, shared_cloud: Cloud):
        for name in ("X-Remote-User", "Remote-User", "REMOTE_USER", "X_Remote_User"):
            check_error(shared_cloud.post(self.BODY, headers={name: "member"}), 401)
        check_error(shared_cloud.post(self.BODY, environ_overrides={"REMOTE_USER": "member"}), 401)

    def test_a_trusted_hop_is(self, make_cloud):
        cloud = make_cloud(server=Server(public_urls=["https://id.example.org"], trusted_hops=[ADDRESS]))
        made = cloud.issue(self.BODY, headers={"X-Remote-User": "member"})
        assert made.shown["user"]["id"] == "user-member" and made.shown["methods"] == ["external"]
        check_error(cloud.post(self.BODY), 401)
        check_error(cloud.post(self.BODY, headers={"X-Remote-User": "stranger"}), 401)  # of another domain
        # External and a password together, of one user and of two.
        both = {"methods": ["external", "password"], "external": {}, "password": by_password("member")}
        assert cloud.post(body_of(both), headers={"X-Remote-User": "member"}).status_code == 201
        check_error(cloud.post(body_of(both), headers={"X-Remote-User": "reader"}), 401)


def test_a_third_party_cannot_be_named_through_the_token_method(shared_cloud: Cloud):
    made = shared_cloud.login("member")
    body = body_of({"methods": ["token"], "token": {"id": made.token, "user": {"id": "user-admin"}}, "user": {"id": "user-admin"}})
    assert shared_cloud.issue(body).shown["user"]["id"] == "user-member"
