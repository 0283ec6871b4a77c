"""What goes leaves nothing behind, however much it was, and nothing of it comes back with its id."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import event, insert, text

from identity.store import grants, tables
from tests.support.gateway import NOW, Cloud, check_error

MOST = 999
"""Parameters of one statement, as SQLite is built by default until 3.32; 32,766 since then, and 65,535 on PostgreSQL."""
ID = "0123456789abcdef0123456789abcdef"


def admin(cloud: Cloud) -> str:
    return cloud.login("admin", scope={"system": {"all": True}}).token


def count(cloud: Cloud, question: str) -> int:
    with cloud.store.read() as db:
        return int(db.execute(text(question)).scalar_one())


def test_a_domain_with_more_groups_and_roles_than_a_statement_takes_can_go(cloud: Cloud) -> None:
    event.listen(cloud.store.engine, "connect", lambda made, _: made.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, MOST))
    cloud.store.engine.dispose()
    root = admin(cloud)
    made = cloud.ask("POST", "/v3/domains", token=root, body={"domain": {"name": "large"}}).get_json()["domain"]["id"]

    def fill(tx: Any) -> None:
        numbers = [f"n{n}" for n in range(MOST + 1)]
        tx.execute(insert(tables.user_group), [{"id": n, "name": n, "domain_id": made} for n in numbers])
        tx.execute(insert(tables.role), [{"id": n, "name": n, "domain_id": made} for n in numbers])
        grant = {"actor_kind": "group", "target_kind": "project", "target_id": "web", "inherited": False}
        tx.execute(insert(tables.role_grant), [{**grant, "actor_id": n, "role_id": "role-reader"} for n in numbers])
        tx.execute(insert(tables.membership), [{"user_id": "user-lost", "group_id": "n0"}])

    cloud.do(fill)
    token = cloud.login("lost", {"project": {"id": "web"}}).token
    assert cloud.ask("PATCH", f"/v3/domains/{made}", token=root, body={"domain": {"enabled": False}}).status_code == 200
    assert cloud.ask("DELETE", f"/v3/domains/{made}", token=root).status_code == 204
    check_error(cloud.ask("GET", "/v3/auth/projects", token=token), 401)
    assert count(cloud, "SELECT count(*) FROM role_grant WHERE actor_kind = 'group'") == 0


def test_nothing_of_a_domain_comes_back_with_its_id(cloud: Cloud) -> None:
    """An administrator may choose a domain's id: that of one which is gone, too."""
    root = admin(cloud)
    new = {"domain": {"name": "again", "explicit_domain_id": ID, "tags": ["old"]}}
    mark = {"credential": {"blob": "x", "type": "cert", "user_id": "user-member", "project_id": ID}}
    limit = {"service_id": service_of(cloud, root), "resource_name": "cores"}

    def put(method: str, path: str, body: Any = None) -> None:
        answer = cloud.ask(method, f"/v3/{path}", token=root, body=body)
        assert answer.status_code < 300, (path, answer.get_data(as_text=True))

    put("POST", "registered_limits", {"registered_limits": [{**limit, "default_limit": 1}]})
    put("POST", "domains", new)
    put("PUT", f"domains/{ID}/users/user-member/roles/role-member")
    put("PUT", f"OS-INHERIT/domains/{ID}/users/user-member/roles/role-member/inherited_to_projects")
    put("PUT", f"projects/{ID}/users/user-member/roles/role-member")
    put("PUT", f"domains/{ID}/config", {"config": {"ldap": {"url": "ldap://old.example", "password": "old"}}})
    put("POST", "credentials", mark)
    put("POST", "limits", {"limits": [{**limit, "domain_id": ID, "resource_limit": 9}]})
    put("PUT", "OS-FEDERATION/identity_providers/idp", {"identity_provider": {"domain_id": ID}})
    tokens = [cloud.login("member", {kind: {"id": ID}}).token for kind in ("domain", "project")]
    put("PATCH", f"domains/{ID}", {"domain": {"enabled": False}})
    put("DELETE", f"domains/{ID}")
    put("POST", "domains", {"domain": {"name": "again", "explicit_domain_id": ID}})
    for token in tokens:
        check_error(cloud.ask("GET", "/v3/auth/projects", token=token), 401)

    def shown(path: str, member: str) -> Any:
        return cloud.ask("GET", f"/v3/{path}", token=root).get_json()[member]

    assert shown(f"domains/{ID}", "domain")["tags"] == []
    assert shown(f"role_assignments?scope.domain.id={ID}", "role_assignments") == []
    assert shown(f"role_assignments?scope.project.id={ID}", "role_assignments") == []
    assert shown("role_assignments?user.id=user-member&effective", "role_assignments") and ID not in str(
        shown("role_assignments?user.id=user-member&effective", "role_assignments")
    )
    assert shown("credentials?user_id=user-member", "credentials") == shown(f"limits?domain_id={ID}", "limits") == []
    assert shown("OS-FEDERATION/identity_providers", "identity_providers") == []
    check_error(cloud.ask("GET", f"/v3/domains/{ID}/config", token=root), 404)


def service_of(cloud: Cloud, token: str) -> str:
    id: str = cloud.ask("GET", "/v3/services?type=compute", token=token).get_json()["services"][0]["id"]
    return id


def test_a_user_made_anew_under_the_old_name_has_nothing_of_the_old_one(cloud: Cloud) -> None:
    root = admin(cloud)
    cloud.do(grants.add, grants.Grant("user", "user-lost", "system", "system", "role-reader"), NOW)
    secret = {"credential": {"blob": "x", "type": "cert", "user_id": "user-lost"}}
    assert cloud.ask("POST", "/v3/credentials", token=root, body=secret).status_code == 201
    assert cloud.ask("DELETE", "/v3/users/user-lost", token=root).status_code == 204
    new = {"user": {"name": "lost", "domain_id": "default", "id": "user-lost", "password": "correct-lost-horse"}}
    made = cloud.ask("POST", "/v3/users", token=root, body=new).get_json()["user"]["id"]
    assert made != "user-lost"
    assert cloud.ask("GET", f"/v3/role_assignments?user.id={made}", token=root).get_json()["role_assignments"] == []
    token = cloud.login("lost").token
    assert cloud.ask("GET", "/v3/credentials", token=token).get_json()["credentials"] == []
    for table, column in (("role_grant", "actor_id"), ("credential", "user_id"), ("password", "user_id")):
        assert count(cloud, f"SELECT count(*) FROM {table} WHERE {column} = 'user-lost'") == 0, table
