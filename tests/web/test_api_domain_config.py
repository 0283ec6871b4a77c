"""Options of single domains through the API."""

from dataclasses import replace

import pytest

from identity.services import domain_config
from identity.settings import SecurityCompliance
from identity.store import domain_config as stored
from identity.tokens.vault import Vault
from tests.support.gateway import check_error, project

CONFIG = "/v3/domains/other/config"
OPTIONS = {"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://one", "user_enabled_mask": 2}}


class OneKey:
    def primary(self):
        return b"b25lIG1hc3RlciBrZXkgb2YgdGhpcnR5LXR3byBieXQ="

    def keys(self):
        return (self.primary(),)


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


def put(cloud, token, config):
    return cloud.ask("PUT", CONFIG, token=token, body={"config": config})


def test_a_configuration_is_made_shown_changed_and_dropped(cloud, admin):
    made = put(cloud, admin, OPTIONS)
    assert (made.status_code, made.get_json()) == (201, {"config": OPTIONS})
    assert put(cloud, admin, OPTIONS).status_code == 200

    def shown(path=""):
        answer = cloud.ask("GET", f"{CONFIG}{path}", token=admin)
        return answer.get_json()["config"] if answer.status_code == 200 else answer.status_code

    assert shown() == OPTIONS
    assert shown("/ldap") == {"ldap": OPTIONS["ldap"]}
    assert shown("/ldap/url") == {"url": "ldap://one"}
    changed = cloud.ask("PATCH", CONFIG, token=admin, body={"config": {"ldap": {"user": None, "url": ["x"]}}}).get_json()["config"]
    assert changed == {**OPTIONS, "ldap": {"url": ["x"], "user": None, "user_enabled_mask": 2}}
    one = cloud.ask("PATCH", f"{CONFIG}/ldap/url", token=admin, body={"config": {"url": "ldap://two"}}).get_json()["config"]
    assert one["ldap"]["url"] == "ldap://two"
    group = cloud.ask("PATCH", f"{CONFIG}/ldap", token=admin, body={"config": {"ldap": {"suffix": "dc=x"}}}).get_json()["config"]
    assert group["ldap"] == {**one["ldap"], "suffix": "dc=x"}
    assert cloud.ask("DELETE", f"{CONFIG}/ldap/suffix", token=admin).status_code == 204
    assert shown("/ldap/suffix") == 404
    assert cloud.ask("DELETE", f"{CONFIG}/ldap", token=admin).status_code == 204
    assert (shown("/ldap"), shown()) == (404, {"identity": {"driver": "ldap"}})
    for _ in range(2):
        assert cloud.ask("DELETE", CONFIG, token=admin).status_code == 204
    assert shown() == 404


def test_a_secret_is_sealed_and_never_shown(cloud, admin, capsys):
    secret = "hunter%2-of-the-ducks"
    config = {"ldap": {"url": "ldap://me:%(password)s@one", "password": secret}}
    answers = [
        put(cloud, admin, config),
        cloud.ask("GET", CONFIG, token=admin),
        cloud.ask("GET", f"{CONFIG}/ldap", token=admin),
        cloud.ask("PATCH", f"{CONFIG}/ldap/password", token=admin, body={"config": {"password": secret}}),
    ]
    assert all(answer.get_json()["config"] == {"ldap": {"url": config["ldap"]["url"]}} for answer in answers)
    check_error(cloud.ask("GET", f"{CONFIG}/ldap/password", token=admin), 404)
    with cloud.store.read() as db:
        kept = {option.name: option for option in stored.load(db, "other")}
    assert kept["password"].value is None
    assert secret.encode() not in kept["password"].sealed
    assert secret not in repr(kept)
    assert secret not in "".join(capsys.readouterr())
    assert cloud.ask("DELETE", f"{CONFIG}/ldap/password", token=admin).status_code == 204


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("%(password)s", "pass"),
        ("a%%b %(password)s", "a%b pass"),
        ("%(unknown)s %(password)s", "%(unknown)s %(password)s"),
        ("%(password)1000000000s", "%(password)1000000000s"),
        ("%(password)s %d", "%(password)s %d"),
        ("100%", "100%"),
        (["%(password)s"], ["%(password)s"]),
        (7, 7),
    ],
)
def test_the_whole_has_its_secrets_where_they_are_referred_to(cloud, value, expected):
    vault = Vault(OneKey())
    wanted = {"ldap": {"url": value, "password": "pass"}}
    with cloud.store.begin() as tx:
        assert domain_config.replace(tx, vault, "other", wanted) == ({"ldap": {"url": value}}, True)
        assert domain_config.complete(tx, vault, "other") == {"ldap": {"url": expected, "password": "pass"}}


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"unknown": {"url": "x"}},
        {"ldap": {"unknown": 1}},
        {"ldap": {}},
        {"ldap": 5},
        {"identity": {"password": "x"}},
        {"security_compliance": {"password_regex": ".*"}},
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_is_stored(cloud, admin, config):
    check_error(put(cloud, admin, config), 403)
    check_error(cloud.ask("PATCH", CONFIG, token=admin, body={"config": config}), 403)
    check_error(cloud.ask("GET", CONFIG, token=admin), 404)


@pytest.mark.parametrize(
    ("path", "config", "status"),
    [
        ("/ldap", {"identity": {"driver": "x"}}, 403),
        ("/ldap", {"ldap": {"url": "x"}, "identity": {"driver": "x"}}, 403),
        ("/ldap/url", {"user": "x"}, 403),
        ("/ldap/url", {"url": "x", "user": "x"}, 403),
        ("/ldap/user", {"user": "x"}, 404),
        ("/identity", {"identity": {"driver": "x"}}, 404),
        ("/unknown", {"unknown": {"a": "x"}}, 403),
        ("/ldap/unknown", {"unknown": "x"}, 403),
    ],
)
def test_a_change_of_a_part_sets_that_part_alone(cloud, admin, path, config, status):
    put(cloud, admin, {"ldap": {"url": "ldap://one"}})
    check_error(cloud.ask("PATCH", f"{CONFIG}{path}", token=admin, body={"config": config}), status)
    if status == 403 and "unknown" in path:
        for method in ("GET", "DELETE"):
            check_error(cloud.ask(method, f"{CONFIG}{path}", token=admin), 403)
    assert cloud.ask("GET", CONFIG, token=admin).get_json()["config"] == {"ldap": {"url": "ldap://one"}}


@pytest.mark.parametrize("body", [b"", b"[]", {}, {"config": []}, {"config": {"ldap": {"url": "\0"}}}])
def test_a_body_that_makes_no_sense_is_told_so(cloud, admin, body):
    for method in ("PUT", "PATCH"):
        check_error(cloud.ask(method, CONFIG, token=admin, body=body), 400)


def test_the_defaults_are_shown(cloud, admin):
    every = cloud.ask("GET", "/v3/domains/config/default", token=admin).get_json()["config"]
    assert every["identity"] == {"driver": "sql", "list_limit": None}
    assert "password" not in every["ldap"]
    assert cloud.ask("GET", "/v3/domains/config/ldap/default", token=admin).get_json()["config"] == {"ldap": every["ldap"]}
    for name in every["ldap"]:
        one = cloud.ask("GET", f"/v3/domains/config/ldap/{name}/default", token=admin).get_json()["config"]
        assert one == {name: every["ldap"][name]}
    for path in ("unknown", "ldap/unknown", "ldap/password"):
        check_error(cloud.ask("GET", f"/v3/domains/config/{path}/default", token=admin), 403)


def test_everybody_may_know_what_is_asked_of_passwords(cloud):
    rules = replace(SecurityCompliance(), password_regex=".{9}", password_regex_description="nine letters")
    asking = cloud.second(security_compliance=rules)
    member = cloud.login("member", project("web")).token
    url = "/v3/domains/default/config/security_compliance"
    expected = {"password_regex": ".{9}", "password_regex_description": "nine letters"}
    assert asking.ask("GET", url, token=member).get_json()["config"] == {"security_compliance": expected}
    assert asking.ask("GET", f"{url}/password_regex", token=member).get_json()["config"] == {"password_regex": ".{9}"}
    assert cloud.ask("GET", f"{url}/password_regex", token=member).get_json()["config"] == {"password_regex": None}
    for path in (f"{url}/lockout_duration", "/v3/domains/other/config/security_compliance"):
        check_error(asking.ask("GET", path, token=member), 403)
    asking.close()


def test_only_an_administrator_sees_and_writes(cloud, admin):
    put(cloud, admin, OPTIONS)
    member = cloud.login("member", project("web")).token
    for method, path, body in (
        ("GET", CONFIG, None),
        ("GET", f"{CONFIG}/ldap", None),
        ("PUT", CONFIG, {"config": OPTIONS}),
        ("PATCH", f"{CONFIG}/ldap/url", {"config": {"url": "x"}}),
        ("DELETE", CONFIG, None),
        ("GET", "/v3/domains/config/default", None),
        ("GET", "/v3/domains/unknown/config", None),
    ):
        check_error(cloud.ask(method, path, token=member, body=body), 403)
    for method, body in (("GET", None), ("PUT", {"config": OPTIONS}), ("PATCH", {"config": OPTIONS}), ("DELETE", None)):
        check_error(cloud.ask(method, "/v3/domains/web/config", token=admin, body=body), 404)
