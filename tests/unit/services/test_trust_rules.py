"""How often a trust may be handed on, how long it lasts, and that it never hands on more than it has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from identity import errors
from identity.model.assignment import RoleEntry
from identity.model.delegation import Trust, WantedTrust
from identity.services.trusts import MOST_REDELEGATIONS, check_share, expiry, redelegations

READER, MEMBER = RoleEntry("r", "reader"), RoleEntry("m", "member")
PARENT = Trust("t", "a", "b", "p", False, expires_at=1000.0, redelegation_count=2, roles=(READER,))
CHILD = replace(PARENT, id="t2", redelegated_trust_id="t", redelegation_count=1)
PLAIN = WantedTrust("a", "b", False)


def wanted(**values):
    return replace(PLAIN, **values)


@pytest.mark.parametrize(
    ("asked", "parent", "count"),
    [
        ({}, None, 0),
        ({"redelegation_count": 3}, None, 0),
        ({"allow_redelegation": True}, None, MOST_REDELEGATIONS),
        ({"allow_redelegation": True, "redelegation_count": 0}, None, 0),
        ({"allow_redelegation": True, "redelegation_count": 1}, None, 1),
        ({"allow_redelegation": True}, PARENT, 1),
        ({"allow_redelegation": True, "redelegation_count": 1}, PARENT, 1),
        ({}, PARENT, 0),
        ({"remaining_uses": 2}, None, 0),
    ],
)
def test_how_often_it_may_be_handed_on(asked, parent, count):
    assert redelegations(wanted(**asked), parent) == count


@pytest.mark.parametrize(
    ("asked", "parent", "problem"),
    [
        ({"allow_redelegation": True, "redelegation_count": MOST_REDELEGATIONS + 1}, None, errors.Forbidden),
        ({"allow_redelegation": True, "remaining_uses": 1}, None, errors.BadRequest),
        ({"allow_redelegation": True, "redelegation_count": 2}, PARENT, errors.Forbidden),
    ],
)
def test_what_may_not_be_asked(asked, parent, problem):
    with pytest.raises(problem):
        redelegations(wanted(**asked), parent)


def test_it_ends_no_later_than_its_parent():
    assert expiry(wanted(expires_at=999.0), PARENT) == 999.0
    assert expiry(wanted(), PARENT) == 1000.0
    assert expiry(wanted(), None) is None
    assert expiry(wanted(expires_at=5.0), replace(PARENT, expires_at=None)) == 5.0
    with pytest.raises(errors.Forbidden):
        expiry(wanted(expires_at=1001.0), PARENT)


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        (replace(PARENT, redelegation_count=0), CHILD),
        (replace(PARENT, redelegation_count=MOST_REDELEGATIONS + 1), CHILD),
        (PARENT, replace(CHILD, remaining_uses=1)),
        (PARENT, replace(CHILD, project_id="other")),
        (PARENT, replace(CHILD, roles=(READER, MEMBER))),
        (PARENT, replace(CHILD, impersonation=True)),
    ],
)
def test_it_hands_on_no_more_than_its_parent_has(parent, child):
    check_share(PARENT, CHILD)
    with pytest.raises(errors.Forbidden):
        check_share(parent, child)
