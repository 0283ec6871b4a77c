"""The default rules as they are written: one a name, each explained, each with the requests that it guards."""

import re

from identity.policy.rules import DEFAULTS, TOPICS, Rule
from identity.policy.rules.blocks import rule, within, within_real


def test_a_name_is_given_once():
    names = [one.name for one in DEFAULTS]
    assert sorted(names) == sorted(set(names))
    assert [one for _, rules in TOPICS for one in rules] == list(DEFAULTS)


def test_a_doc_is_one_sentence_that_no_other_api_rule_has():
    api = [one for one in DEFAULTS if one.name.startswith("identity:")]
    for one in api:
        assert re.fullmatch(r"[A-Z][^\n|]{5,110}\.", one.doc), one.name
    assert len({one.doc for one in api}) == len(api)


def test_an_api_rule_names_its_routes_and_no_other_does():
    for one in DEFAULTS:
        assert bool(one.routes) == one.name.startswith("identity:"), one.name
        for route in one.routes:
            assert re.fullmatch(r"(GET|HEAD|POST|PUT|PATCH|DELETE) /v3/\S+", route), route


def test_the_building_blocks():
    assert within("reader", "user.domain_id", "domain.id") == (
        "(role:reader and domain_id:%(target.user.domain_id)s and domain_id:%(target.domain.id)s)"
    )
    assert within_real("manager", "x") == "(role:manager and domain_id:%(target.x)s and not None:%(target.x)s)"
    assert rule("act", "@", "Act.", "GET /a/b", "PUT /a") == Rule(
        "identity:act", "@", "Act.", ("system", "domain", "project"), ("GET /v3/a/b", "PUT /v3/a")
    )
