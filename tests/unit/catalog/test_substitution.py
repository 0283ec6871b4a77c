"""URL templates: Keystone's meaning, none of Python's surprises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keystone import exception
from keystone.common import utils
from oslo_config.cfg import NoSuchOptError

from catalog import substitution

VALUES = {"project_id": "p1", "tenant_id": "p1", "user_id": "u1"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("http://a/v3", "http://a/v3"),
        ("http://a/$(project_id)s", "http://a/p1"),
        ("http://a/%(tenant_id)s/x", "http://a/p1/x"),
        ("http://a/AUTH_$(project_id)s?u=%(user_id)s", "http://a/AUTH_p1?u=u1"),
        ("http://a/100%%", "http://a/100%"),
        ("http://a/$5/$x", "http://a/$5/$x"),
        ("", ""),
    ],
)
def test_fills_in(template, expected):
    assert substitution.fill(template, VALUES) == expected
    assert substitution.fault(template) is None


@pytest.mark.parametrize(
    "template",
    [
        "http://a/%(admin_token)s",
        "http://a/$(project_id)",
        "http://a/$(project_id)d",
        "http://a/$(project_id",
        "http://a/%20b",
        "http://a/%s",
        "http://a/%",
        "http://a/%(project_id)999999999s",
        "http://a/%(a(b)c)s",
    ],
)
def test_leaves_out_the_malformed(template):
    assert substitution.fill(template, VALUES) is None
    assert substitution.fault(template)


def test_a_missing_value_leaves_out_but_is_no_fault():
    assert substitution.fill("http://a/$(project_id)s", {"user_id": "u1"}) is None
    assert substitution.fault("http://a/$(project_id)s") is None


def test_a_value_is_not_a_template():
    assert (
        substitution.fill("http://a/$(project_id)s", {"project_id": "%(user_id)s$(user_id)s"}) == "http://a/%(user_id)s$(user_id)s"
    )


def test_only_known_names_are_filled_in_whatever_values_there_are():
    assert substitution.fill("http://a/$(admin_token)s", {**VALUES, "admin_token": "secret"}) is None


PIECES = st.sampled_from(
    ["http://a/", "$(project_id)s", "%(tenant_id)s", "$(user_id)s", "%%", "$", "/v3", ":8774", "AUTH_", "$(port)s"]
)


@given(st.lists(PIECES, max_size=8).map("".join), st.booleans())
def test_agrees_with_keystone(template, scoped):
    values = VALUES if scoped else {"user_id": "u1"}
    try:
        theirs = utils.format_url(template, values, silent_keyerror_failures=["project_id", "tenant_id"])
    except (exception.MalformedEndpoint, NoSuchOptError):  # the latter: their exception wants their configuration
        theirs = None
    assert substitution.fill(template, values) == theirs


@given(st.text(alphabet="%$()sdu_ ab{}\\0", max_size=40))
def test_never_raises(template):
    filled = substitution.fill(template, VALUES)
    assert (filled is None) == (substitution.fault(template) is not None)
