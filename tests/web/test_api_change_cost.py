"""What a change costs those whom it does not concern: nothing."""

from __future__ import annotations

from identity.model import revocation
from identity.store import epoch
from tests.support.cost import Cost
from tests.support.gateway import NOW, Cloud, check_error, project


def test_ten_thousand_other_revocations_cost_nothing(cloud: Cloud):
    made = cloud.login("member", project("web"))

    def measure() -> list[tuple[int, int]]:
        """(statements, calls): warm in the first worker, then cold and warm in a new one."""
        found = []
        young = cloud.second()
        young.show(young.login("stranger", project("shop")).token)  # opens keys and connections
        for worker in (cloud, young, young):
            cost = Cost(worker.store)
            with cost.counted():
                assert worker.show(made.token).status_code == 200
            assert cost.calls["identity/store/engine.py:sequence"] == 1
            found.append((len(cost.statements), cost.total))
        return found

    cloud.show(made.token)
    before = measure()
    for start in range(0, 10_000, 1000):
        changes = [(revocation.AUDIT, f"audit-{start + step}", True) for step in range(500)]
        changes += [(revocation.USER, f"user-{start + step}", True) for step in range(500)]
        cloud.do(epoch.record, NOW, changes)
    check_error(cloud.show("rubbish"), 401)  # applies what is new
    cloud.show(made.token)
    assert measure() == before
    (warm, _), (cold, _), _ = before
    assert (warm, cold) == (0, 1)


def test_a_warm_validation_stays_within_its_budget(cloud: Cloud):
    admin = cloud.login("admin", project("admin"))
    member = cloud.login("member", project("web"))
    cloud.show(admin.token, member.token)
    cost = Cost(cloud.store)
    with cost.counted():
        assert cloud.show(admin.token, member.token).status_code == 200
    assert cost.total <= 12, cost.calls
    assert cost.statements == []
