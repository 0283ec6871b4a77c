"""What a question costs on a large store: its plan, and the steps of SQLite's machine, which are the same on every run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import event, text

from identity.services.hashing import Hasher
from identity.store import roles, seeding
from tests.perf.measured import CHEAP, Answer, Asked
from tools.bench import cloud

SMALL, LARGE = 500, 10_000
PASSWORD = "seeded-1"
MANY = "user_account|project|role_grant|membership|user_group|password"
ADMIN = {"project": {"name": cloud.ADMIN, "domain": {"id": cloud.DOMAIN}}}

# {user} and the rest are of one seeded user: its group, a project it has a role on, its domain.
QUESTIONS = {
    "a page of users": "/v3/users?limit=10",
    "a later page of users": "/v3/users?limit=10&marker={user}",
    "a user by name": "/v3/users?name={user_name}",
    "a user by name and domain": "/v3/users?name={user_name}&domain_id={domain}",
    "a page of a domain's users": "/v3/users?domain_id={domain}&limit=10",
    "a later page of a domain's users": "/v3/users?domain_id={domain}&limit=10&marker={user}",
    "users of a group": "/v3/groups/{group}/users",
    "a page of a group's users": "/v3/groups/{group}/users?limit=10",
    "a user's groups": "/v3/users/{user}/groups",
    "a user's projects": "/v3/users/{user}/projects",
    "a page of a user's projects": "/v3/users/{user}/projects?limit=10",
    "one's own projects": "/v3/auth/projects",
    "a project by name": "/v3/projects?name={project_name}",
    "a page of projects": "/v3/projects?limit=10",
    "a page of a domain's projects": "/v3/projects?domain_id={domain}&limit=10",
    "a later page of a domain's projects": "/v3/projects?domain_id={domain}&limit=10&marker={project}",
    "a project's children": "/v3/projects?parent_id={project}",
    "a project with its tree": "/v3/projects/{project}?parents_as_list&subtree_as_list&include_limits",
    "a page of a domain's groups": "/v3/groups?domain_id={domain}&limit=5",
    "a user's assignments": "/v3/role_assignments?user.id={user}",
    "a user's effective assignments": "/v3/role_assignments?user.id={user}&effective",
    "a user's effective assignments with names": "/v3/role_assignments?user.id={user}&effective&include_names",
    "a user's effective assignments on a project": "/v3/role_assignments?user.id={user}&scope.project.id={project}&effective",
    "a group's assignments": "/v3/role_assignments?group.id={group}",
    "a project's assignments": "/v3/role_assignments?scope.project.id={project}",
    "a project's effective assignments": "/v3/role_assignments?scope.project.id={project}&effective&include_names",
    "a domain's assignments": "/v3/role_assignments?scope.domain.id={domain}",
    "a page of assignments": "/v3/role_assignments?limit=10&include_names",
    "a page of effective assignments": "/v3/role_assignments?limit=10&effective&include_names",
    "roles on a project": "/v3/projects/{project}/users/{user}/roles",
}
SEARCH = "users by a part of the name"
PATHS = {**QUESTIONS, SEARCH: "/v3/users?name__contains={user_name}"}


@dataclass
class Place:
    """A seeded store, and an administrator's token on it."""

    asked: Asked
    admin: str
    ids: dict[str, str]
    steps: list[int]

    def read(self, question: str) -> Answer:
        """Asked once before, so that what is prepared at first use is not counted."""
        for _ in range(2):
            self.steps[0] = 0
            answer = self.asked.ask("GET", PATHS[question].format(**self.ids), X_AUTH_TOKEN=self.admin)
            assert answer.status == 200, answer.body
        return answer

    def log_in(self) -> Answer:
        who = {"name": self.ids["user_name"], "domain": {"id": self.ids["domain"]}, "password": PASSWORD}
        for _ in range(2):
            self.steps[0] = 0
            answer = self.asked.log_in(methods={"password": {"user": who}}, scope={"project": {"id": self.ids["project"]}})
            assert answer.status == 201, answer.body
        return answer

    def walked(self, answer: Answer) -> list[str]:
        """The statements that read a table that grows with the cloud from end to end, without a limit, with their plans."""
        found = []
        for statement in answer.beyond_counter:
            walks = [line for line in self.asked.plan(statement) if re.match(rf"SCAN ({MANY})\b|.*BLOOM FILTER", line)]
            ends = re.search(r"LIMIT \d+ OFFSET \d+\s*$", statement) and all("USING INDEX ix_" in line for line in walks)
            if walks and not ends:
                found.append(f"{walks}: {statement}")
        return found


@pytest.fixture(scope="module")
def make_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int, bool], Place]]:
    made: list[Place] = []

    def make(users: int, analyzed: bool = True) -> Place:
        asked = Asked(cloud.make(Path(tmp_path_factory.mktemp(f"seeded{users}")), CHEAP))
        store = asked.gateway.store
        with store.read() as db:
            held = [role.id for name in ("member", "reader") if (role := roles.find(db, name))]
        hash = Hasher(asked.cloud.settings.identity).hash(PASSWORD)
        seeding.seed(store, seeding.Size(users), held, hash, 1_790_000_000.0, lambda kind, rows: None)
        if not analyzed:
            with store.begin() as tx:
                tx.execute(text("DELETE FROM sqlite_stat1"))
        steps = [0]

        def step() -> None:
            steps[0] += 1

        event.listen(store.engine, "connect", lambda connection, record: connection.set_progress_handler(step, 1))
        store.close()  # what the planner knows, and who counts, is settled when a connection is made
        admin = asked.password(cloud.ADMIN_PASSWORD, ADMIN, cloud.ADMIN).token
        made.append(Place(asked, admin, _ids(asked, users), steps))
        return made[-1]

    yield make
    for place in made:
        place.asked.gateway.store.close()


@pytest.fixture(scope="module")
def small(make_place: Callable[..., Place]) -> Place:
    return make_place(SMALL)


@pytest.fixture(scope="module", params=[True, False], ids=["analyzed", "never analyzed"])
def large(request: pytest.FixtureRequest, make_place: Callable[..., Place]) -> Place:
    return make_place(LARGE, request.param)


def _ids(asked: Asked, users: int) -> dict[str, str]:
    row = """SELECT u.id, u.name, u.domain_id, m.group_id, p.id, p.name FROM user_account u
        JOIN membership m ON m.user_id = u.id JOIN role_grant g ON g.actor_id = u.id JOIN project p ON p.id = g.target_id
        WHERE u.name = :name ORDER BY p.id"""
    with asked.gateway.store.read() as db:
        found = db.execute(text(row), {"name": f"seed-user-{users // 2 + 1}"}).first()
    assert found is not None
    return dict(zip(("user", "user_name", "domain", "group", "project", "project_name"), found, strict=True))


@pytest.mark.parametrize("question", QUESTIONS)
def test_twenty_times_the_users_cost_the_same_work(small: Place, large: Place, question: str) -> None:
    small.read(question)
    before, many = small.steps[0], large.read(question)
    after = large.steps[0]
    assert after <= before * 1.5 + 100, many.beyond_counter
    assert large.walked(many) == []


def test_a_log_in_costs_the_same_work(small: Place, large: Place) -> None:
    small.log_in()
    before, many = small.steps[0], large.log_in()
    assert large.steps[0] <= before * 1.5 + 100
    assert large.walked(many) == []


def test_a_search_that_no_index_serves_is_seen(small: Place, large: Place) -> None:
    """The two measures above do tell: this is the one kind of question that must look at every user."""
    small.read(SEARCH)
    before, many = small.steps[0], large.read(SEARCH)
    assert large.steps[0] > before * 10
    assert len(large.walked(many)) == 1
