"""Users through the API: made, shown, listed, changed and deleted, by whom, and what goes with them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from sqlalchemy import func, insert, select

from identity.settings import SecurityCompliance
from identity.store import accounts, grants, tables
from identity.store.grants import Grant
from tests.support.gateway import NOW, check_error, password_auth, project

DAY = 86400
DOMAIN = {"domain": {"id": "default"}}
SYSTEM = {"system": {"all": True}}


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


@pytest.fixture
def manager(cloud):
    cloud.do(grants.add, Grant("user", "user-homed", "domain", "default", "role-manager"), NOW)
    return cloud.login("homed", DOMAIN).token


def make(cloud, token, **user):
    answer = cloud.ask("POST", "/v3/users", token=token, body={"user": {"name": "new", **user}})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["user"]


def change(cloud, token, id, **user):
    answer = cloud.ask("PATCH", f"/v3/users/{id}", token=token, body={"user": user})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["user"]


def names(cloud, token, query=""):
    answer = cloud.ask("GET", f"/v3/users{query}", token=token)
    assert answer.status_code == 200, answer.get_json()
    return [user["name"] for user in answer.get_json()["users"]]


def test_a_user_is_made_shown_changed_and_deleted(cloud, admin):
    made = make(cloud, admin, name=" Ann ", email="a@b", password="first-secret", default_project_id="web", description=None)
    assert made == {
        "id": made["id"],
        "name": "Ann",
        "domain_id": "default",
        "enabled": True,
        "email": "a@b",
        "description": None,
        "default_project_id": "web",
        "password_expires_at": None,
        "options": {},
        "links": {"self": f"https://id.example.org/v3/users/{made['id']}"},
    }
    path = f"/v3/users/{made['id']}"
    assert cloud.ask("GET", path, token=admin).get_json()["user"] == made
    changed = change(cloud, admin, made["id"], name="Anna", email=None, colour={"eyes": "blue"}, default_project_id=None)
    del made["default_project_id"]
    assert changed == {**made, "name": "Anna", "email": None, "colour": {"eyes": "blue"}}
    assert cloud.ask("GET", path, token=admin).get_json()["user"] == changed
    assert cloud.issue(password_auth("Anna", "first-secret")).shown["user"]["name"] == "Anna"
    assert cloud.ask("DELETE", path, token=admin).status_code == 204
    check_error(cloud.ask("GET", path, token=admin), 404)


def test_the_domain_is_the_one_named_or_the_tokens_or_the_default_one(cloud, admin):
    cloud.do(grants.add, Grant("user", "user-admin", "domain", "other", "role-admin"), NOW)
    abroad = cloud.login("admin", {"domain": {"id": "other"}}).token
    assert make(cloud, admin, name="a")["domain_id"] == "default"
    assert make(cloud, abroad, name="a")["domain_id"] == "other"
    assert make(cloud, admin, name="b", domain_id="other")["domain_id"] == "other"


@pytest.mark.parametrize(
    ("status", "user"),
    [
        (400, {}),
        (400, {"name": ""}),
        (400, {"name": " "}),
        (400, {"name": "n" * 256}),
        (400, {"name": 7}),
        (400, {"name": None}),
        (400, {"name": "x", "enabled": "yes"}),
        (400, {"name": "x", "domain_id": None}),
        (400, {"name": "x", "domain_id": "a/b"}),
        (404, {"name": "x", "domain_id": "gone"}),
        (404, {"name": "x", "domain_id": "web"}),
        (409, {"name": "member"}),
        (409, {"name": " member "}),
        (400, {"name": "x", "password": 1}),
        (400, {"name": "x", "password": "p" * 4097}),
        (400, {"name": "x", "default_project_id": "default"}),
        (400, {"name": "x", "default_project_id": "p" * 65}),
        (400, {"name": "x", "email": "\0"}),
        (400, {"name": "x", "\ud800": 1}),
        (400, {"name": "x", "options": None}),
        (400, {"name": "x", "options": {"immutable": True}}),
        (400, {"name": "x", "options": {"lock_password": "true"}}),
        (400, {"name": "x", "options": {"multi_factor_auth_rules": [[]]}}),
        (400, {"name": "x", "options": {"multi_factor_auth_rules": [["a", "a"]]}}),
        (400, {"name": "x", "options": {"multi_factor_auth_rules": [["a"], ["a"]]}}),
        (400, {"name": "x", "options": {"multi_factor_auth_rules": "a"}}),
        (400, {"name": "x", "federated": [{"idp_id": "gone", "protocols": [{"protocol_id": "p", "unique_id": "u"}]}]}),
        (400, {"name": "x", "federated": [{"idp_id": "gone", "protocols": []}]}),
    ],
)
def test_what_makes_no_sense_is_told_so_and_nothing_is_stored(cloud, admin, status, user):
    before = names(cloud, admin)
    check_error(cloud.ask("POST", "/v3/users", token=admin, body={"user": user}), status)
    assert names(cloud, admin) == before


@pytest.mark.parametrize(
    "user", [{}, {"domain_id": "other"}, {"id": "another"}, {"name": "member"}, {"default_project_id": "other"}]
)
def test_a_change_that_makes_no_sense_changes_nothing(cloud, admin, user):
    before = cloud.ask("GET", "/v3/users/user-nobody", token=admin).get_json()
    check_error(cloud.ask("PATCH", "/v3/users/user-nobody", token=admin, body={"user": user}), 400, 409)
    assert cloud.ask("GET", "/v3/users/user-nobody", token=admin).get_json() == before


def test_names_that_only_look_alike_are_others(cloud, admin):
    for name in ("Member", "mеmber", "membér", "membe\u0301r", "'; DROP TABLE user_account; --", "%s%n{0}"):
        assert make(cloud, admin, name=name)["name"] == name
        assert names(cloud, admin, f"?name={quote(name)}") == [name]


def test_an_option_stays_until_it_is_set_to_null(cloud, admin):
    made = make(
        cloud, admin, options={"lock_password": True, "ignore_password_expiry": None, "multi_factor_auth_rules": [["password"]]}
    )
    assert made["options"] == {"lock_password": True, "multi_factor_auth_rules": [["password"]]}
    assert change(cloud, admin, made["id"], options={"lock_password": False})["options"] == {
        **made["options"],
        "lock_password": False,
    }
    assert change(cloud, admin, made["id"], options={"multi_factor_auth_rules": None})["options"] == {"lock_password": False}
    assert change(cloud, admin, made["id"], email="x")["options"] == {"lock_password": False}


def test_what_is_ours_to_write_is_not_kept(cloud, admin):
    made = make(cloud, admin, id="mine", links=3, password_expires_at="2020-01-01T00:00:00.000000", original_password="x")
    assert "original_password" not in made
    assert made["id"] != "mine" and made["password_expires_at"] is None and set(made["links"]) == {"self"}


def test_the_password_is_never_shown_nor_logged(cloud, admin, caplog):
    answer = cloud.ask(
        "POST", "/v3/users", token=admin, body={"user": {"name": "new", "password": "sesame-open", "options": {"x": 1}}}
    )
    check_error(answer, 400)
    made = make(cloud, admin, password="sesame-open")
    change(cloud, admin, made["id"], password="sesame-shut")
    with cloud.store.read() as db:
        stored = [str(row) for table in (tables.user_account, tables.password) for row in db.execute(select(table))]
    assert "sesame" not in f"{made} {answer.data!r} {caplog.text} {cloud.events.seen} {stored}"


class TestLists:
    def test_filters_compare_names_in_every_way(self, cloud, admin):
        for query, expected in (
            ("?name=member", ["member"]),
            ("?name__contains=ade", ["reader"]),
            ("?name__istartswith=MEM", ["member"]),
            ("?name__endswith=er&domain_id=other", ["stranger"]),
            ("?domain_id=gone", []),
            ("?enabled=false", []),
            ("?name=member&enabled=true&colour=blue", ["member"]),
            ("?sort_key=name&sort_dir=desc&limit=2", ["stranger", "reader"]),
        ):
            assert names(cloud, admin, query) == expected

    def test_pages_meet_every_user_once(self, cloud, admin):
        url, seen = "/v3/users?limit=3", []
        while url:
            answer = cloud.ask("GET", url, token=admin).get_json()
            seen += [user["name"] for user in answer["users"]]
            url = (answer["links"]["next"] or "").removeprefix("https://id.example.org")
        assert seen == names(cloud, admin) == sorted(seen) and len(seen) == 8

    def test_by_the_end_of_the_password(self, make_cloud):
        cloud = make_cloud(security_compliance=SecurityCompliance(password_expires_days=1))
        admin = cloud.login("admin", project("admin")).token
        made = make(cloud, admin, password="secret")
        assert made["password_expires_at"] == "2026-09-22T14:13:20.250000"
        for query, expected in (
            ("lt:2026-09-22T14:13:20Z", []),
            ("gt:2026-09-22T14:13:20Z", ["new"]),
            ("gte:2026-09-22T14:13:20.25Z", ["new"]),
            ("lte:2026-09-22T16:13:21%2B02:00", ["new"]),
            ("2026-09-22T14:13:20.250000", ["new"]),
            ("neq:2026-09-22T14:13:20.25Z", []),
        ):
            assert names(cloud, admin, f"?password_expires_at={query}") == expected
        for query in ("xx:2026-09-22T14:13:20Z", "lt:", "lt:soon", "", "lt:9999-99-99"):
            check_error(cloud.ask("GET", f"/v3/users?password_expires_at={query}", token=admin), 400)

    def test_a_token_for_a_domain_lists_that_domains(self, cloud, manager):
        assert "stranger" not in names(cloud, manager) and len(names(cloud, manager)) == 7
        assert names(cloud, manager, "?domain_id=other") == []
        assert names(cloud, cloud.login("reader", SYSTEM).token, "?domain_id=other") == ["stranger"]

    def test_by_a_federated_link(self, cloud, admin):
        link_of(cloud)
        federated = [{"idp_id": "idp", "protocols": [{"protocol_id": "saml", "unique_id": "ann@there"}]}]
        made = make(cloud, admin, federated=federated)
        assert made["federated"] == federated
        assert cloud.ask("GET", f"/v3/users/{made['id']}", token=admin).get_json()["user"]["federated"] == federated
        assert names(cloud, admin, "?idp_id=idp&protocol_id=saml&unique_id=ann@there") == ["new"]
        assert names(cloud, admin, "?unique_id__contains=@") == ["new"]
        assert names(cloud, admin, "?idp_id=idp&unique_id=other") == []
        twin = check_error(
            cloud.ask("POST", "/v3/users", token=admin, body={"user": {"name": "twin", "federated": federated}}), 409
        )
        assert twin["message"] == "Another user has one of these federated identities already."
        federated[0]["protocols"][0]["unique_id"] = "other"
        assert change(cloud, admin, made["id"], federated=federated)["federated"] == federated


def link_of(cloud):
    with cloud.store.begin() as tx:
        tx.execute(insert(tables.identity_provider), {"id": "idp", "domain_id": "default", "enabled": True})
        tx.execute(insert(tables.federation_protocol), {"id": "saml", "identity_provider_id": "idp", "mapping_id": "m"})


class TestWho:
    def test_a_domains_manager_rules_that_domain_alone(self, cloud, manager):
        made = make(cloud, manager, domain_id="default")
        assert change(cloud, manager, made["id"], email="x")["email"] == "x"
        assert cloud.ask("DELETE", f"/v3/users/{made['id']}", token=manager).status_code == 204
        for wanted in ({"name": "x", "domain_id": "other"}, {"name": "x", "domain_id": "gone"}, {"name": "x"}):
            check_error(cloud.ask("POST", "/v3/users", token=manager, body={"user": wanted}), 403)

    @pytest.mark.parametrize("id", ["user-stranger", "gone", "%E2%82%AC", "x" * 100])
    def test_who_may_not_see_a_user_cannot_tell_whether_it_is_there(self, cloud, manager, id):
        for method, body in (("GET", None), ("PATCH", {"user": {"domain_id": "other"}}), ("DELETE", None)):
            check_error(cloud.ask(method, f"/v3/users/{id}", token=manager, body=body), 403)
        for part in ("groups", "projects"):
            check_error(cloud.ask("GET", f"/v3/users/{id}/{part}", token=manager), 403)

    def test_a_user_sees_itself_alone_and_changes_nothing(self, cloud):
        token = cloud.login("member", project("web")).token
        assert cloud.ask("GET", "/v3/users/user-member", token=token).get_json()["user"]["name"] == "member"
        assert cloud.ask("HEAD", "/v3/users/user-member", token=token).status_code == 200
        for method, path, body in (
            ("GET", "/v3/users", None),
            ("POST", "/v3/users", {"user": {"name": "x"}}),
            ("GET", "/v3/users/user-admin", None),
            ("PATCH", "/v3/users/user-member", {"user": {"email": "x"}}),
            ("DELETE", "/v3/users/user-member", None),
        ):
            check_error(cloud.ask(method, path, token=token, body=body), 403)
            check_error(cloud.ask(method, path, body=body), 401)


class TestConsequences:
    def test_switching_off_ends_tokens_and_switching_on_ends_the_lock(self, make_cloud):
        cloud = make_cloud(security_compliance=SecurityCompliance(lockout_failure_attempts=1))
        admin, held = cloud.login("admin", project("admin")).token, cloud.login("member").token
        assert change(cloud, admin, "user-member", enabled=False)["enabled"] is False
        check_error(cloud.show(admin, held), 404)
        check_error(cloud.post(password_auth("member")), 401)
        change(cloud, admin, "user-member", enabled=True)
        check_error(cloud.show(admin, held), 404)
        cloud.post(password_auth("member", "wrong"))
        check_error(cloud.post(password_auth("member")), 401)
        change(cloud, admin, "user-member", enabled=True)
        assert cloud.login("member").token

    def test_a_new_password_ends_tokens_and_the_old_password(self, cloud, admin):
        held = cloud.login("member").token
        change(cloud, admin, "user-member", password="brand-new")
        check_error(cloud.show(admin, held), 404)
        check_error(cloud.post(password_auth("member")), 401)
        assert cloud.issue(password_auth("member", "brand-new")).token
        change(cloud, admin, "user-member", password=None)
        check_error(cloud.post(password_auth("member", "brand-new")), 401)

    def test_a_new_name_shows_at_once_and_tokens_stay_good(self, cloud, admin):
        held = cloud.login("member").token
        change(cloud, admin, "user-member", name="renamed")
        assert cloud.show(admin, held).get_json()["token"]["user"]["name"] == "renamed"

    def test_a_deleted_user_leaves_nothing_behind(self, cloud, admin):
        make(cloud, admin)
        rows = {
            tables.credential: {"id": "c", "user_id": "user-member", "type": "totp", "blob": b"x"},
            tables.trust: {"id": "t", "trustor_user_id": "user-member", "trustee_user_id": "user-reader", "created_at": NOW},
            tables.application_credential: {"id": "a", "name": "a", "user_id": "user-member", "hash": "h", "created_at": NOW},
            tables.membership: {"user_id": "user-member", "group_id": "g"},
        }
        with cloud.store.begin() as tx:
            tx.execute(insert(tables.user_group), {"id": "g", "name": "g", "domain_id": "default"})
            for table, row in rows.items():
                tx.execute(insert(table), row)
        held = cloud.login("member").token
        assert cloud.ask("DELETE", "/v3/users/user-member", token=admin).status_code == 204
        check_error(cloud.show(admin, held), 404)
        with cloud.store.read() as db:
            for table in rows:
                assert db.execute(select(func.count()).select_from(table)).scalar_one() == 0, table.name
            left = select(tables.role_grant.c.role_id).where(tables.role_grant.c.actor_id == "user-member")
            assert db.execute(left).first() is None
            assert accounts.former_passwords(db, "user-member", 9) == []
        check_error(cloud.ask("DELETE", "/v3/users/user-member", token=admin), 404)


def test_the_projects_of_a_user(cloud, admin):
    cloud.do(grants.add, Grant("user", "user-member", "domain", "other", "role-reader", True), NOW)
    path = "/v3/users/user-member/projects"

    def found(query="", token=admin):
        return [each["id"] for each in cloud.ask("GET", path + query, token=token).get_json()["projects"]]

    assert found() == found(token=cloud.login("member").token) == ["off", "shop", "web"]
    assert found("?enabled=true&limit=1") == ["shop"]
    assert found("?domain_id=default&name__startswith=w") == ["web"]
    assert found("?limit=1&marker=off") == ["shop"]
    check_error(cloud.ask("GET", path, token=cloud.login("nova").token), 403)
    check_error(cloud.ask("GET", "/v3/users/gone/projects", token=admin), 404)


@pytest.mark.parametrize(
    ("path", "thing", "name"),
    [
        ("/v3/users", "user", "member"),
        ("/v3/groups", "group", "crew"),
        ("/v3/projects", "project", "web-project"),
        ("/v3/domains", "domain", "Default"),
    ],
)
def test_who_takes_a_name_twice_is_told_which(cloud, admin, path, thing, name):
    for _ in range(2):  # the group is made by the first
        answer = cloud.ask("POST", path, token=admin, body={thing: {"name": name}})
    assert check_error(answer, 409)["message"] == f"There is already a {thing} {name!r}; choose another name."
    other = cloud.ask("POST", path, token=admin, body={thing: {"name": f"{name}-other"}}).json[thing]["id"]
    answer = cloud.ask("PATCH", f"{path}/{other}", token=admin, body={thing: {"name": name}})
    assert check_error(answer, 409)["message"] == f"There is already a {thing} {name!r}; choose another name."
