"""Identity providers, protocols, mappings and service providers through the API."""

import pytest

from tests.support.gateway import check_error, project

TOP = "/v3/OS-FEDERATION"
RULES = [
    {
        "local": [{"user": {"name": "{0}"}}, {"group": {"name": "crew", "domain": {"name": "Default"}}}],
        "remote": [{"type": "uid"}, {"type": "role", "any_one_of": ["crew.*"], "regex": True}],
    }
]
PARTNER = {"auth_url": "https://far.example.org/v3", "sp_url": "https://far.example.org/sp"}


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


def put(cloud, token, path, key, body, status=201):
    answer = cloud.ask("PUT", f"{TOP}/{path}", token=token, body={key: body})
    assert answer.status_code == status, answer.get_json()
    return answer.get_json().get(key)


def get(cloud, token, path):
    return cloud.ask("GET", f"{TOP}/{path}", token=token).get_json()


def test_a_provider_is_made_shown_changed_and_deleted(cloud, admin):
    made = put(cloud, admin, "identity_providers/uni", "identity_provider", {"remote_ids": ["b", "a"], "enabled": True})
    assert made["remote_ids"] == ["b", "a"] and made["enabled"] is True and made["authorization_ttl"] is None
    assert made["links"]["protocols"].endswith("/identity_providers/uni/protocols")
    shown = get(cloud, admin, "identity_providers/uni")["identity_provider"]
    assert shown == {**made, "remote_ids": ["a", "b"]}
    changed = cloud.ask(
        "PATCH",
        f"{TOP}/identity_providers/uni",
        token=admin,
        body={"identity_provider": {"remote_ids": ["c"], "description": "far", "authorization_ttl": 5}},
    ).get_json()["identity_provider"]
    assert (changed["remote_ids"], changed["description"], changed["authorization_ttl"]) == (["c"], "far", 5)
    assert [one["id"] for one in get(cloud, admin, "identity_providers?enabled=true")["identity_providers"]] == ["uni"]
    assert get(cloud, admin, "identity_providers?enabled=false")["identity_providers"] == []
    assert cloud.ask("DELETE", f"{TOP}/identity_providers/uni", token=admin).status_code == 204
    check_error(cloud.ask("GET", f"{TOP}/identity_providers/uni", token=admin), 404)


def test_a_provider_without_a_domain_gets_one_and_keeps_a_given_one(cloud, admin):
    own = put(cloud, admin, "identity_providers/own", "identity_provider", {})
    assert cloud.ask("GET", f"/v3/domains/{own['domain_id']}", token=admin).get_json()["domain"]["enabled"] is True
    given = put(cloud, admin, "identity_providers/given", "identity_provider", {"domain_id": "other"})
    assert given["domain_id"] == "other"
    check_error(
        cloud.ask("PUT", f"{TOP}/identity_providers/x", token=admin, body={"identity_provider": {"domain_id": "gone"}}), 404
    )
    before = len(cloud.ask("GET", "/v3/domains", token=admin).get_json()["domains"])
    check_error(cloud.ask("PUT", f"{TOP}/identity_providers/own", token=admin, body={"identity_provider": {}}), 409)
    assert len(cloud.ask("GET", "/v3/domains", token=admin).get_json()["domains"]) == before


def test_a_remote_id_belongs_to_one_provider(cloud, admin):
    put(cloud, admin, "identity_providers/one", "identity_provider", {"remote_ids": ["urn:a"]})
    check_error(
        cloud.ask("PUT", f"{TOP}/identity_providers/two", token=admin, body={"identity_provider": {"remote_ids": ["urn:a"]}}), 409
    )
    check_error(cloud.ask("GET", f"{TOP}/identity_providers/two", token=admin), 404)
    for bad in (["x", "x"], [""], [1], "x"):
        check_error(
            cloud.ask("PATCH", f"{TOP}/identity_providers/one", token=admin, body={"identity_provider": {"remote_ids": bad}}), 400
        )


def test_a_protocol_needs_its_provider_and_its_mapping_and_goes_with_the_provider(cloud, admin):
    path = "identity_providers/uni/protocols"
    put(cloud, admin, "mappings/m", "mapping", {"rules": RULES})
    put(cloud, admin, f"{path}/saml2", "protocol", {"mapping_id": "m"}, status=404)
    put(cloud, admin, "identity_providers/uni", "identity_provider", {})
    put(cloud, admin, f"{path}/saml2", "protocol", {"mapping_id": "none"}, status=400)
    made = put(cloud, admin, f"{path}/saml2", "protocol", {"mapping_id": "m"})
    assert made["links"]["identity_provider"].endswith("/identity_providers/uni")
    put(cloud, admin, f"{path}/saml2", "protocol", {"mapping_id": "m"}, status=409)
    assert get(cloud, admin, path)["protocols"] == [made]
    check_error(cloud.ask("PATCH", f"{TOP}/{path}/saml2", token=admin, body={"protocol": {"mapping_id": "none"}}), 400)
    check_error(cloud.ask("PATCH", f"{TOP}/{path}/saml2", token=admin, body={"protocol": {"other": "m"}}), 400)
    cloud.ask("DELETE", f"{TOP}/identity_providers/uni", token=admin)
    check_error(cloud.ask("GET", f"{TOP}/{path}/saml2", token=admin), 404)
    check_error(cloud.ask("GET", f"{TOP}/{path}", token=admin), 404)


def test_a_mapping_is_kept_as_it_was_sent(cloud, admin):
    made = put(cloud, admin, "mappings/m", "mapping", {"rules": RULES})
    assert made["rules"] == RULES and made["schema_version"] == "1.0"
    assert get(cloud, admin, "mappings/m")["mapping"] == made
    other = [{"local": [{"groups": "{0}", "domain": {"name": "D"}}], "remote": [{"type": "g", "blacklist": ["root"]}]}]
    answer = cloud.ask("PATCH", f"{TOP}/mappings/m", token=admin, body={"mapping": {"rules": other, "schema_version": "2.0"}})
    assert answer.get_json()["mapping"]["rules"] == other and answer.get_json()["mapping"]["schema_version"] == "2.0"
    assert cloud.ask("DELETE", f"{TOP}/mappings/m", token=admin).status_code == 204
    assert get(cloud, admin, "mappings")["mappings"] == []


def rule(local=None, remote=None):
    return [{"local": local or [{"user": {"name": "{0}"}}], "remote": remote or [{"type": "uid"}]}]


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"rules": []},
        {"rules": [{}]},
        {"rules": [{"local": [], "remote": []}]},
        {"rules": rule(), "schema_version": "9"},
        {"rules": rule(local=[{"user": {"nme": "x"}}])},
        {"rules": rule(local=[{"user": {"type": "root"}}])},
        {"rules": rule(local=[{"group": {"name": "x"}}])},
        {"rules": rule(local=[{"group": {"id": "x", "name": "x", "domain": {"id": "d"}}}])},
        {"rules": rule(local=[{"projects": [{"name": "p", "roles": [{"name": "r"}], "domain": {"id": "d"}}]}])},
        {"rules": rule(local=[{"projects_json": "x"}])},
        {"rules": rule(remote=[{"type": "g", "any_one_off": ["x"]}])},
        {"rules": rule(remote=[{"type": "g", "any_one_of": ["x"], "not_any_of": ["y"]}])},
        {"rules": rule(remote=[{"type": "g", "regex": True}])},
        {"rules": rule(remote=[{"type": "g", "whitelist": ["("], "regex": True}])},
        {"rules": rule(remote=[{"type": 7}])},
    ],
)
def test_a_mapping_that_is_not_understood_is_refused(cloud, admin, mapping):
    check_error(cloud.ask("PUT", f"{TOP}/mappings/m", token=admin, body={"mapping": mapping}), 400)
    assert get(cloud, admin, "mappings")["mappings"] == []


def test_mappings_are_judged_as_keystone_judges_them(cloud, admin):
    """The same mapping is good here and there; ours also refuses a pattern that does not compile, and values that are not text."""
    import keystone.conf
    from keystone import exception
    from keystone.federation import utils

    keystone.conf.configure()

    samples = [RULES, rule(), rule(local=[{"group_ids": "{0}"}]), rule(remote=[{"type": "a"}, {"type": "b", "not_any_of": ["x"]}])]
    samples += [
        rule(local=[{"group": {"id": "x"}}]),
        rule(local=[{"group": {"id": "x", "name": "y"}}]),
        rule(local=[{"nobody": 1}]),
    ]
    for number, rules in enumerate(samples):
        for version in ("1.0", "2.0", "3.0"):
            try:
                utils.validate_mapping_structure({"rules": rules, "schema_version": version})
                expected = 201
            except exception.ValidationError:
                expected = 400
            put(cloud, admin, f"mappings/m{number}-{version}", "mapping", {"rules": rules, "schema_version": version}, expected)


def test_every_token_tells_of_the_enabled_service_providers_at_once(cloud, admin):
    other = cloud.second()
    member = cloud.login("member", project("web"))
    assert "service_providers" not in other.show(member.token).get_json()["token"]
    put(cloud, admin, "service_providers/far", "service_provider", {**PARTNER, "enabled": True})
    put(cloud, admin, "service_providers/off", "service_provider", PARTNER)
    expected = [{"id": "far", **PARTNER}]
    for worker in (cloud, other):
        for query in ("", "?nocatalog"):
            assert worker.show(member.token, query=query).get_json()["token"]["service_providers"] == expected
    assert cloud.login("nobody").shown["service_providers"] == expected
    cloud.ask("PATCH", f"{TOP}/service_providers/far", token=admin, body={"service_provider": {"enabled": False}})
    assert "service_providers" not in other.show(member.token).get_json()["token"]


@pytest.mark.parametrize(
    "change", [{}, {"auth_url": "nowhere"}, {"sp_url": 7}, {"other": "x"}, {"enabled": "yes"}, {"auth_url": None}]
)
def test_a_service_provider_that_makes_no_sense_is_refused(cloud, admin, change):
    put(cloud, admin, "service_providers/far", "service_provider", PARTNER)
    check_error(cloud.ask("PATCH", f"{TOP}/service_providers/far", token=admin, body={"service_provider": change}), 400)
    new = {**PARTNER, **change}
    if new != PARTNER:
        check_error(cloud.ask("PUT", f"{TOP}/service_providers/new", token=admin, body={"service_provider": new}), 400)
    assert get(cloud, admin, "service_providers/far")["service_provider"]["relay_state_prefix"] == "ss:mem:"
