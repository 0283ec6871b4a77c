"""Credentials and EC2 key pairs through the API."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from sqlalchemy import text

from identity.manage import opening
from identity.manage.checks import storage
from identity.settings import Credential, Keys, OsloPolicy
from identity.tokens import sources
from tests.support.gateway import Cloud, check_error, project

BLOB = '{"access": "AK1", "secret": "hunter2hunter2"}'


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


@pytest.fixture
def member(cloud):
    return cloud.login("member", project("web")).token


def credential(user="user-member", **more):
    return {"credential": {"type": "cert", "blob": "a certificate", "user_id": user, **more}}


def make(cloud: Cloud, token: str, user: str = "user-member", **more):
    answer = cloud.ask("POST", "/v3/credentials", token=token, body=credential(user, **more))
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["credential"]


def ids(answer):
    assert answer.status_code == 200, answer.get_json()
    return {member["id"] for member in answer.get_json()["credentials"]}


def stored(cloud, id):
    with cloud.store.read() as db:
        return bytes(db.execute(text("select blob from credential where id = :id"), {"id": id}).scalar_one())


def test_a_credential_is_made_shown_changed_and_deleted(cloud, member):
    made = make(cloud, member, colour="blue")
    assert made == {
        "id": made["id"],
        "type": "cert",
        "blob": "a certificate",
        "user_id": "user-member",
        "project_id": None,
        "colour": "blue",
        "links": {"self": f"https://id.example.org/v3/credentials/{made['id']}"},
    }
    path = f"/v3/credentials/{made['id']}"
    assert cloud.ask("GET", path, token=member).get_json()["credential"] == made
    assert b"certificate" not in stored(cloud, made["id"])
    changed = cloud.ask("PATCH", path, token=member, body={"credential": {"blob": "another"}}).get_json()["credential"]
    assert changed == {**made, "blob": "another"}
    assert cloud.ask("GET", path, token=member).get_json()["credential"] == changed
    assert cloud.ask("DELETE", path, token=member).status_code == 204
    check_error(cloud.ask("GET", path, token=member), 403)


def test_the_id_of_an_ec2_credential_is_the_hash_of_its_access_key(cloud, member):
    made = make(cloud, member, type="ec2", blob=BLOB, project_id="web")
    assert made["id"] == hashlib.sha256(b"AK1").hexdigest() and made["blob"] == BLOB
    check_error(cloud.ask("POST", "/v3/credentials", token=member, body=credential(type="ec2", blob=BLOB, project_id="web")), 409)
    shown = cloud.ask("GET", "/v3/users/user-member/credentials/OS-EC2/AK1", token=member).get_json()["credential"]
    assert (shown["access"], shown["secret"], shown["tenant_id"]) == ("AK1", "hunter2hunter2", "web")


@pytest.mark.parametrize(
    "wrong",
    [
        {"blob": None},
        {"blob": {"access": "x"}},
        {"type": 7},
        {"type": ""},
        {"user_id": None},
        {"user_id": "u" * 65},
        {"project_id": 7},
        {"type": "ec2", "blob": BLOB},
        {"type": "ec2", "blob": BLOB, "project_id": None},
        {"type": "ec2", "blob": "no json", "project_id": "web"},
        {"type": "ec2", "blob": "[]", "project_id": "web"},
        {"type": "ec2", "blob": '{"access": 7}', "project_id": "web"},
        {"type": "EC2", "blob": "{}", "project_id": "web"},
        {"type": "ec2", "blob": "[" * 100_000, "project_id": "web"},
        {"blob": "nul \0"},
    ],
)
def test_a_body_that_makes_no_sense_is_told_so_and_nothing_is_stored(cloud, admin, wrong):
    check_error(cloud.ask("POST", "/v3/credentials", token=admin, body=credential(**wrong)), 400)
    assert ids(cloud.ask("GET", "/v3/credentials", token=admin)) == set()


def test_a_list_shows_what_the_caller_may_see(cloud, admin, member):
    mine, theirs = make(cloud, member)["id"], make(cloud, admin, "user-stranger", type="totp")["id"]
    reader = cloud.login("reader", {"system": {"all": True}}).token
    stranger = cloud.login("stranger", project("shop")).token
    everything = {mine, theirs}
    for token, seen in ((admin, everything), (reader, everything), (member, {mine}), (stranger, {theirs})):
        assert ids(cloud.ask("GET", "/v3/credentials", token=token)) == seen
    assert ids(cloud.ask("GET", "/v3/credentials?type=totp", token=admin)) == {theirs}
    assert ids(cloud.ask("GET", "/v3/credentials?user_id=user-member", token=admin)) == {mine}
    assert ids(cloud.ask("GET", "/v3/credentials?user_id=user-stranger", token=member)) == set()


def test_a_policy_of_the_operators_decides_what_a_list_shows(make_cloud, tmp_path):
    rules = tmp_path / "policy.yaml"
    rules.write_text(
        '"identity:get_credential": "user_id:%(target.credential.user_id)s or project_id:%(target.credential.project_id)s"\n'
    )
    cloud = make_cloud(oslo_policy=OsloPolicy(policy_file=str(rules)))
    admin, reader = cloud.login("admin", project("admin")).token, cloud.login("reader", project("web")).token
    shared, _hidden = make(cloud, admin, "user-member", project_id="web"), make(cloud, admin, "user-member", project_id="idle")
    own = make(cloud, admin, "user-reader")
    assert ids(cloud.ask("GET", "/v3/credentials", token=reader)) == {shared["id"], own["id"]}


def test_pages_meet_every_credential_once(cloud, admin):
    made = {make(cloud, admin, blob=str(number))["id"] for number in range(5)}
    url, seen = "/v3/credentials?limit=2", []
    while url:
        answer = cloud.ask("GET", url, token=admin).get_json()
        seen += [member["id"] for member in answer["credentials"]]
        url = (answer["links"]["next"] or "").removeprefix("https://id.example.org")
    assert seen == sorted(made)


def test_nobody_touches_the_credentials_of_others(cloud, admin, member):
    theirs = f"/v3/credentials/{make(cloud, admin, 'user-stranger')['id']}"
    for path in (theirs, "/v3/credentials/unknown"):
        for method, body in (("GET", None), ("PATCH", {"credential": {"blob": "x"}}), ("DELETE", None)):
            check_error(cloud.ask(method, path, token=member, body=body), 403)
    check_error(cloud.ask("POST", "/v3/credentials", token=member, body=credential("user-stranger")), 403)
    check_error(cloud.ask("GET", "/v3/credentials/unknown", token=admin), 404)
    check_error(cloud.ask("DELETE", "/v3/credentials/unknown", token=admin), 404)


@pytest.mark.parametrize(
    "change", [{"user_id": "user-admin"}, {"type": "totp"}, {"project_id": "web"}, {"id": "x"}, {"colour": "red"}]
)
def test_only_the_blob_of_a_credential_changes(cloud, member, change):
    made = make(cloud, member)
    path = f"/v3/credentials/{made['id']}"
    check_error(cloud.ask("PATCH", path, token=member, body={"credential": {"blob": "x", **change}}), 400)
    assert cloud.ask("GET", path, token=member).get_json()["credential"] == made


def test_a_client_may_repeat_what_stays(cloud, member):
    made = make(cloud, member)
    body = {"credential": {"blob": "new", "type": "cert", "user_id": "user-member"}}
    changed = cloud.ask("PATCH", f"/v3/credentials/{made['id']}", token=member, body=body)
    assert changed.get_json()["credential"]["blob"] == "new"


def test_an_ec2_credential_stays_bound_to_its_delegation(cloud, member):
    bound = '{"access": "AK2", "secret": "s", "trust_id": "t1"}'
    path = f"/v3/credentials/{make(cloud, member, type='ec2', blob=bound, project_id='web')['id']}"
    for blob in ('{"access": "AK2", "secret": "s"}', bound.replace("t1", "t2"), '{"secret": "s", "trust_id": "t1"}', "x"):
        check_error(cloud.ask("PATCH", path, token=member, body={"credential": {"blob": blob}}), 400)
    blob = bound.replace('"s"', '"s2"')
    assert cloud.ask("PATCH", path, token=member, body={"credential": {"blob": blob}}).get_json()["credential"]["blob"] == blob


def test_a_user_may_have_so_many_and_no_more(make_cloud):
    cloud = make_cloud(credential=Credential(user_limit=2))
    member = cloud.login("member", project("web")).token
    for number in range(2):
        make(cloud, member, blob=str(number))
    check_error(cloud.ask("POST", "/v3/credentials", token=member, body=credential()), 403)
    check_error(cloud.ask("POST", "/v3/users/user-member/credentials/OS-EC2", token=member, body={"tenant_id": "web"}), 403)


def test_a_deleted_users_credentials_go(cloud, admin):
    made = make(cloud, admin, "user-nobody")
    assert cloud.ask("DELETE", "/v3/users/user-nobody", token=admin).status_code == 204
    check_error(cloud.ask("GET", f"/v3/credentials/{made['id']}", token=admin), 404)


# EC2

EC2 = "/v3/users/user-member/credentials/OS-EC2"


def pair(cloud, token, user="user-member", tenant="web"):
    answer = cloud.ask("POST", f"/v3/users/{user}/credentials/OS-EC2", token=token, body={"tenant_id": tenant})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["credential"]


def test_a_key_pair_is_made_shown_listed_and_deleted(cloud, member):
    made = pair(cloud, member)
    assert set(made) == {"access", "secret", "user_id", "tenant_id", "trust_id", "links"}
    assert made["links"]["self"] == f"https://id.example.org{EC2}/{made['access']}"
    assert cloud.ask("GET", f"{EC2}/{made['access']}", token=member).get_json()["credential"] == made
    other = make(cloud, member)
    assert cloud.ask("GET", EC2, token=member).get_json()["credentials"] == [made]
    kept = json.loads(cloud.ask("GET", "/v3/credentials?type=ec2", token=member).get_json()["credentials"][0]["blob"])
    assert (kept["access"], kept["secret"]) == (made["access"], made["secret"])
    assert cloud.ask("DELETE", f"{EC2}/{made['access']}", token=member).status_code == 204
    check_error(cloud.ask("GET", f"{EC2}/{made['access']}", token=member), 404)
    assert ids(cloud.ask("GET", "/v3/credentials", token=member)) == {other["id"]}


def test_pages_meet_every_key_pair_once(cloud, member):
    made = {pair(cloud, member)["access"] for _ in range(3)}
    url, seen = f"{EC2}?limit=2", []
    while url:
        answer = cloud.ask("GET", url, token=member).get_json()
        seen += [member["access"] for member in answer["credentials"]]
        url = (answer["links"]["next"] or "").removeprefix("https://id.example.org")
    assert len(seen) == 3 and set(seen) == made


def test_key_pairs_are_their_owners(cloud, admin, member):
    stranger, reader = cloud.login("stranger", project("shop")).token, cloud.login("reader", {"system": {"all": True}}).token
    made = pair(cloud, member)
    path = f"{EC2}/{made['access']}"
    for method, where in (("GET", path), ("DELETE", path), ("GET", EC2)):
        check_error(cloud.ask(method, where, token=stranger), 403)
    # Whose name is in the path is of no matter: the owner is.
    check_error(cloud.ask("GET", f"/v3/users/user-stranger/credentials/OS-EC2/{made['access']}", token=stranger), 403)
    check_error(cloud.ask("POST", EC2, token=stranger, body={"tenant_id": "web"}), 403)
    check_error(cloud.ask("DELETE", path, token=reader), 403)
    assert cloud.ask("GET", path, token=reader).status_code == 200
    assert cloud.ask("DELETE", path, token=admin).status_code == 204


def test_a_domain_token_is_not_for_key_pairs(cloud):
    token = cloud.login("member", {"domain": {"id": "default"}}).token
    check_error(cloud.ask("GET", EC2, token=token), 403)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (EC2, {"tenant_id": "unknown"}, 404),
        ("/v3/users/unknown/credentials/OS-EC2", {"tenant_id": "web"}, 404),
        (EC2, {}, 400),
        (EC2, {"tenant_id": 7}, 400),
        (EC2, [], 400),
        (EC2, b"\xff", 400),
        (EC2, {"tenant_id": "nul \0"}, 404),
    ],
)
def test_a_key_pair_needs_a_user_and_a_project(cloud, admin, path, body, status):
    check_error(cloud.ask("POST", path, token=admin, body=body), status)


def test_an_unknown_access_key_or_another_kind_of_credential_is_not_found(cloud, admin, member):
    for token in (admin, member):
        for access in ("unknown", "%e2%98%83", "x" * 3000):
            check_error(cloud.ask("GET", f"{EC2}/{access}", token=token), 404)
    check_error(cloud.ask("GET", "/v3/users/unknown/credentials/OS-EC2", token=admin), 404)


# Delegated tokens, and the keys of the vault


def delegated(cloud: Cloud, token: str, method: str) -> str:
    """The same token, had it come of that method."""
    sealing = sources.provider("fernet", sources.key_source("fernet", cloud.settings, cloud.store), cloud.store)
    return sealing.seal(replace(sealing.open(token), methods=(method,)))


@pytest.mark.parametrize("method", ["ec2credential", "oauth1", "application_credential"])
def test_a_delegated_token_touches_no_credential(cloud, member, method):
    """LP#2159643: with a share of a user's rights one could take all of his secrets."""
    made, keys, token = make(cloud, member), pair(cloud, member), delegated(cloud, member, method)
    path = f"/v3/credentials/{made['id']}"
    assert cloud.ask("GET", "/v3/credentials", token=token).get_json()["credentials"] == []
    for verb, where, body in (
        ("GET", path, None),
        ("DELETE", path, None),
        ("PATCH", path, {"credential": {"blob": "x"}}),
        ("POST", "/v3/credentials", credential()),
        ("GET", EC2, None),
        ("POST", EC2, {"tenant_id": "web"}),
        ("GET", f"{EC2}/{keys['access']}", None),
        ("DELETE", f"{EC2}/{keys['access']}", None),
    ):
        check_error(cloud.ask(verb, where, token=token, body=body), 403)
    assert cloud.ask("GET", path, token=member).get_json()["credential"] == made


def test_a_rotation_loses_no_secret_and_other_workers_go_on(cloud, member):
    second = cloud.second()
    made, before = make(cloud, member), None
    keys = opening.key_sources(cloud.settings, cloud.store)["credential"]
    for _ in range(4):
        before = stored(cloud, made["id"])
        opening.rotate(keys, cloud.settings, cloud.store)
        assert stored(cloud, made["id"]) != before
        for worker in (cloud, second):
            answer = worker.ask("GET", f"/v3/credentials/{made['id']}", token=member)
            assert answer.get_json()["credential"]["blob"] == "a certificate"
    assert len(keys.listing()) == 3
    second.close()


def test_without_keys_for_them_secrets_answer_503_and_all_else_works(make_cloud, tmp_path):
    cloud = make_cloud(credential=Credential(key_repository=str(tmp_path / "none")))
    member = cloud.login("member", project("web")).token
    check_error(cloud.ask("POST", "/v3/credentials", token=member, body=credential()), 503)
    check_error(cloud.ask("POST", EC2, token=member, body={"tenant_id": "web"}), 503)
    assert cloud.ask("GET", "/v3/credentials", token=member).get_json()["credentials"] == []
    health = cloud.ask("GET", "/healthcheck")
    assert (health.status_code, list(health.get_json()["detail"])) == (200, ["credential keys"])
    findings = list(storage.database_and_keys(cloud.settings))
    assert [found.state for found in findings if "none" in found.text] == ["failed"]


def test_the_doctor_tells_that_there_is_no_place_for_the_keys(cloud, tmp_path):
    settings = replace(cloud.settings, keys=Keys(), token=replace(cloud.settings.token, provider="uuid"))
    told = [found for found in storage.database_and_keys(settings) if "credentials answer 503" in found.text]
    assert [(found.state, "credential.key_repository" in found.cure) for found in told] == [("warning", True)]


def test_a_secret_that_no_key_opens_is_a_503_and_can_be_deleted(cloud, member):
    made = make(cloud, member)
    with cloud.store.begin() as tx:
        tx.execute(text("update credential set blob = :blob"), {"blob": b"rubbish"})
    path = f"/v3/credentials/{made['id']}"
    assert "rubbish" not in cloud.ask("GET", path, token=member).get_data(as_text=True)
    check_error(cloud.ask("GET", path, token=member), 503)
    assert cloud.ask("DELETE", path, token=member).status_code == 204


def test_no_secret_is_logged(cloud, member, caplog):
    caplog.set_level("DEBUG")
    make(cloud, member, type="ec2", blob=BLOB, project_id="web")
    cloud.ask("POST", "/v3/credentials", token=member, body=credential(type="ec2", blob=BLOB, project_id="web"))
    cloud.ask("GET", "/v3/credentials", token=member)
    assert "hunter2" not in caplog.text
