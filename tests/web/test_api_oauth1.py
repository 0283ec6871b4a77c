"""OAuth 1.0a through the API, with oauthlib's own client as the consumer."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import parse_qs

import oauthlib.oauth1
import pytest

from tests.support.gateway import ADDRESS, Cloud, check_error, project

CONSUMERS = "/v3/OS-OAUTH1/consumers"
REQUEST, ACCESS, AUTHORIZE = (f"/v3/OS-OAUTH1/{step}" for step in ("request_token", "access_token", "authorize"))
TOKENS = "/v3/users/user-admin/OS-OAUTH1/access_tokens"
HOST = "https://id.example.org"
NONCES = itertools.count()


@pytest.fixture
def admin(cloud: Cloud) -> str:
    return cloud.login("admin", project("admin")).token


@pytest.fixture
def consumer(cloud: Cloud, admin: str) -> dict[str, Any]:
    made: dict[str, Any] = cloud.ask("POST", CONSUMERS, token=admin, body={"consumer": {"description": "a printer"}}).get_json()[
        "consumer"
    ]
    return made


def signed(
    cloud: Cloud, consumer: dict[str, Any], path: str, *, host: str = HOST, late: float = 0, body: Any = None, **values: Any
):
    """The Authorization header of a POST, as oauthlib signs it."""
    given = {
        "timestamp": str(int(cloud.clock() + late)),
        "nonce": f"nonce-{next(NONCES)}",
        "client_secret": consumer["secret"],
        **values,
    }
    client = oauthlib.oauth1.Client(consumer["id"], **given)
    form = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
    _, headers, _ = client.sign(host + path, http_method="POST", body=body, headers=form)
    return {"Authorization": headers["Authorization"]}


def asked(cloud: Cloud, headers: dict[str, str], project_id: str = "admin", path: str = REQUEST, **more: Any):
    return cloud.ask("POST", path, headers={**headers, "Requested-Project-Id": project_id}, **more)


def told(answer: Any) -> dict[str, str]:
    assert answer.status_code == 201, answer.get_json()
    assert answer.mimetype == "application/x-www-form-urlencoded"
    return {name: values[0] for name, values in parse_qs(answer.get_data(as_text=True)).items()}


def question(cloud: Cloud, consumer: dict[str, Any]) -> dict[str, str]:
    return told(asked(cloud, signed(cloud, consumer, REQUEST, callback_uri="oob")))


def verifier(cloud: Cloud, token: str, asked_for: dict[str, str], *names: str) -> str:
    body = {"roles": [{"name": name} for name in names or ("admin", "reader")]}
    answer = cloud.ask("PUT", f"{AUTHORIZE}/{asked_for['oauth_token']}", token=token, body=body)
    assert answer.status_code == 200, answer.get_json()
    found: str = answer.get_json()["token"]["oauth_verifier"]
    return found


def fetch(cloud: Cloud, consumer: dict[str, Any], asked_for: dict[str, str], verified: str, **values: Any):
    key = {"resource_owner_key": asked_for["oauth_token"], "resource_owner_secret": asked_for["oauth_token_secret"], **values}
    return cloud.ask("POST", ACCESS, headers=signed(cloud, consumer, ACCESS, verifier=verified, **key))


def granted(cloud: Cloud, consumer: dict[str, Any], token: str) -> dict[str, str]:
    asked_for = question(cloud, consumer)
    return told(fetch(cloud, consumer, asked_for, verifier(cloud, token, asked_for)))


def test_a_consumer_is_registered_shown_changed_and_deleted(cloud, admin):
    made = cloud.ask("POST", CONSUMERS, token=admin, body={"consumer": {"description": "x", "colour": "blue", "secret": "mine"}})
    assert made.status_code == 201
    found = made.get_json()["consumer"]
    assert found["secret"] not in ("mine", "") and found["colour"] == "blue"
    del found["secret"]
    one = f"{CONSUMERS}/{found['id']}"
    assert cloud.ask("GET", one, token=admin).get_json() == {"consumer": found}
    changed = cloud.ask("PATCH", one, token=admin, body={"consumer": {"description": None, "size": 1}}).get_json()["consumer"]
    assert changed == {**found, "description": None, "size": 1}
    assert cloud.ask("GET", CONSUMERS, token=admin).get_json()["consumers"] == [changed]
    for body in ({"secret": "x"}, {"id": "other"}, {}, {"description": 5}):
        check_error(cloud.ask("PATCH", one, token=admin, body={"consumer": body}), 400)
    assert cloud.ask("DELETE", one, token=admin).status_code == 204
    for method, body in (("GET", None), ("PATCH", {"consumer": {"description": "x"}}), ("DELETE", None)):
        check_error(cloud.ask(method, one, token=admin, body=body), 404)


def test_consumers_are_the_administrators_own(cloud, consumer):
    one = f"{CONSUMERS}/{consumer['id']}"
    member, auditor = cloud.login("member", project("web")).token, cloud.login("reader", {"system": {"all": True}}).token
    for path in (CONSUMERS, one):
        check_error(cloud.ask("GET", path, token=member), 403)
        assert cloud.ask("GET", path, token=auditor).status_code == 200
    for token in (member, auditor):
        for method, path in (("POST", CONSUMERS), ("PATCH", one), ("DELETE", one)):
            check_error(cloud.ask(method, path, token=token, body={"consumer": {"description": "x"}}), 403)


def test_secrets_are_stored_sealed(cloud, admin, consumer):
    found = granted(cloud, consumer, admin)
    with cloud.store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT secret FROM oauth_consumer UNION ALL SELECT secret FROM oauth_access_token").all()
    for secret in (consumer["secret"], found["oauth_token_secret"]):
        assert all(secret.encode() not in row[0] for row in rows)
    assert len(rows) == 2


def test_the_three_steps(cloud, admin, consumer):
    found = granted(cloud, consumer, admin)
    one = f"{TOKENS}/{found['oauth_token']}"
    shown = cloud.ask("GET", one, token=admin).get_json()["access_token"]
    assert shown == {
        "id": found["oauth_token"],
        "consumer_id": consumer["id"],
        "project_id": "admin",
        "authorizing_user_id": "user-admin",
        "expires_at": found["oauth_expires_at"],
        "links": {"self": HOST + one, "roles": f"{HOST}{one}/roles"},
    }
    assert cloud.ask("GET", TOKENS, token=admin).get_json()["access_tokens"] == [shown]
    listed = cloud.ask("GET", f"{one}/roles", token=admin).get_json()["roles"]
    assert [role["name"] for role in listed] == ["admin", "reader"]
    assert cloud.ask("GET", f"{one}/roles/role-reader", token=admin).get_json()["role"] == listed[1]
    check_error(cloud.ask("GET", f"{one}/roles/role-member", token=admin), 404)
    check_error(cloud.ask("GET", one.replace("user-admin", "user-member"), token=admin), 404)
    check_error(cloud.ask("DELETE", one.replace("user-admin", "user-member"), token=admin), 404)
    assert cloud.ask("DELETE", one, token=admin).status_code == 204
    for method, path in (("GET", one), ("GET", f"{one}/roles"), ("DELETE", one)):
        check_error(cloud.ask(method, path, token=admin), 404)


@pytest.mark.parametrize("face", ["/main", "/admin"])
def test_the_address_that_was_asked_is_the_one_that_is_signed(cloud, consumer, face):
    assert told(asked(cloud, signed(cloud, consumer, face + REQUEST, callback_uri="oob"), path=face + REQUEST))
    inside = signed(cloud, consumer, face + REQUEST, host="http://10.0.0.1:5000", callback_uri="oob")
    answer = cloud.client.post(
        face + REQUEST,
        headers={**inside, "Host": "10.0.0.1:5000", "Requested-Project-Id": "admin"},
        environ_base={"REMOTE_ADDR": ADDRESS},
    )
    assert told(answer)
    check_error(asked(cloud, signed(cloud, consumer, REQUEST, callback_uri="oob"), path=face + REQUEST), 401)


def test_a_form_and_a_query_are_signed_too(cloud, consumer):
    form = {"content_type": "application/x-www-form-urlencoded"}
    headers = signed(cloud, consumer, f"{REQUEST}?a=1", body="size=A4", callback_uri="oob")
    assert told(asked(cloud, headers, path=f"{REQUEST}?a=1", body=b"size=A4", **form))
    for path, body in ((f"{REQUEST}?a=2", b"size=A4"), (f"{REQUEST}?a=1", b"size=A3"), (REQUEST, b"")):
        headers = signed(cloud, consumer, f"{REQUEST}?a=1", body="size=A4", callback_uri="oob")
        check_error(asked(cloud, headers, path=path, body=body, **form), 401)


def test_a_request_is_taken_once(cloud, consumer, admin):
    headers = signed(cloud, consumer, REQUEST, callback_uri="oob")
    told(asked(cloud, headers))
    check_error(asked(cloud, headers), 401)
    asked_for = question(cloud, consumer)
    verified = verifier(cloud, admin, asked_for)
    told(fetch(cloud, consumer, asked_for, verified))
    check_error(fetch(cloud, consumer, asked_for, verified), 404)


def test_a_refused_request_costs_no_nonce(cloud, consumer):
    """Else a stranger could spend the nonces of a consumer whose secret it does not know."""
    told_nonce = {"nonce": "n", "callback_uri": "oob"}
    check_error(asked(cloud, signed(cloud, consumer, REQUEST, client_secret="wrong", **told_nonce)), 401)
    assert told(asked(cloud, signed(cloud, consumer, REQUEST, **told_nonce)))


@pytest.mark.parametrize("late", [-601, 602])
def test_a_clock_that_is_far_off_is_told_so(cloud, consumer, late):
    check_error(asked(cloud, signed(cloud, consumer, REQUEST, callback_uri="oob", late=late)), 400)


def test_wrong_secrets_and_unknown_things(cloud, consumer):
    check_error(asked(cloud, signed(cloud, consumer, REQUEST, client_secret="wrong", callback_uri="oob")), 401)
    check_error(asked(cloud, signed(cloud, {"id": "none", "secret": "x"}, REQUEST, callback_uri="oob")), 404)
    check_error(asked(cloud, signed(cloud, consumer, REQUEST, callback_uri="oob"), "none"), 404)
    # Who cannot sign is not told which projects there are.
    for project_id in ("admin", "none"):
        check_error(asked(cloud, signed(cloud, consumer, REQUEST, client_secret="wrong", callback_uri="oob"), project_id), 401)


HEADER = (
    'OAuth oauth_consumer_key="c", oauth_signature_method="HMAC-SHA1", oauth_timestamp="{now}", '
    'oauth_nonce="n", oauth_callback="oob"'
)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "OAuth ",
        "OAuth x",
        'OAuth realm="x',
        "Bearer x",
        HEADER.replace("oauth_consumer_key", "x"),
        HEADER.replace("HMAC-SHA1", "PLAINTEXT"),
        HEADER.replace("{now}", "soon"),
        HEADER.replace("{now}", "9" * 400),
        HEADER.replace("oauth_nonce", "x"),
        HEADER.replace("oauth_callback", "x"),
        HEADER.replace('"c"', f'"{"c" * 300}"'),
        HEADER + ', oauth_version="2.0"',
        "OAuth \xff",
    ],
)
@pytest.mark.parametrize("path", [REQUEST, ACCESS])
def test_what_is_not_signed_by_the_rules_is_told_so(cloud, header, path):
    headers = {} if header is None else {"Authorization": header.replace("{now}", str(int(cloud.clock())))}
    check_error(asked(cloud, headers, path=path), 400)


def test_the_project_must_be_named(cloud, consumer):
    check_error(cloud.ask("POST", REQUEST, headers=signed(cloud, consumer, REQUEST, callback_uri="oob")), 400)


@pytest.mark.parametrize("wrong", ["verifier", "token secret", "consumer", "not authorised", "expired"])
def test_an_access_token_needs_all_of_them(cloud, admin, consumer, wrong):
    asked_for = question(cloud, consumer)
    verified = "abcdefgh" if wrong == "not authorised" else verifier(cloud, admin, asked_for)
    values: dict[str, Any] = {}
    match wrong:
        case "verifier":
            verified = "abcdefgh"
        case "token secret":
            values["resource_owner_secret"] = "wrong"
        case "consumer":
            consumer = cloud.ask("POST", CONSUMERS, token=admin, body={"consumer": {}}).get_json()["consumer"]
        case "expired":
            cloud.clock.turn(28801)
    check_error(fetch(cloud, consumer, asked_for, verified, **values), 401)


def test_only_ones_own_roles_on_the_project_are_given(cloud, admin, consumer):
    asked_for = question(cloud, consumer)
    path = f"{AUTHORIZE}/{asked_for['oauth_token']}"
    for roles, status in (
        ([{"name": "service"}], 401),
        ([{"id": "none"}], 401),
        ([{"name": "none"}], 404),
        ([{}], 400),
        ([{"id": "role-admin", "name": "admin"}], 400),
        ("admin", 400),
        ([{"id": "role-admin"}] * 257, 400),
    ):
        check_error(cloud.ask("PUT", path, token=admin, body={"roles": roles}), status)
    check_error(cloud.ask("PUT", f"{AUTHORIZE}/none", token=admin, body={"roles": []}), 404)
    member = cloud.login("member", project("web")).token
    check_error(cloud.ask("PUT", path, token=member, body={"roles": []}), 403)
    cloud.clock.turn(28801)
    late = cloud.login("admin", project("admin")).token
    check_error(cloud.ask("PUT", path, token=late, body={"roles": [{"name": "admin"}]}), 401)


def test_a_delegated_token_gives_nothing_on(cloud, admin, consumer):
    asked_for = question(cloud, consumer)
    made = {"application_credential": {"name": "free", "unrestricted": True}}
    made = cloud.ask("POST", "/v3/users/user-admin/application_credentials", token=admin, body=made).get_json()[
        "application_credential"
    ]
    identity = {"methods": ["application_credential"], "application_credential": {"id": made["id"], "secret": made["secret"]}}
    token = cloud.issue({"auth": {"identity": identity}}).token
    check_error(cloud.ask("PUT", f"{AUTHORIZE}/{asked_for['oauth_token']}", token=token, body={"roles": []}), 403)
    for path in (TOKENS, f"{TOKENS}/none", f"{TOKENS}/none/roles"):
        check_error(cloud.ask("GET", path, token=token), 403)


def test_nobody_else_sees_access_tokens(cloud, admin, consumer):
    found = granted(cloud, consumer, admin)
    member = cloud.login("member", project("web")).token
    for method, path in (
        ("GET", TOKENS),
        ("GET", f"{TOKENS}/{found['oauth_token']}"),
        ("DELETE", f"{TOKENS}/{found['oauth_token']}"),
    ):
        check_error(cloud.ask(method, path, token=member), 403)
    assert cloud.ask("DELETE", f"{CONSUMERS}/{consumer['id']}", token=admin).status_code == 204
    assert cloud.ask("GET", TOKENS, token=admin).get_json()["access_tokens"] == []
