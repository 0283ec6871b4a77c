"""No route without a policy."""

import importlib
import pkgutil
from collections import Counter

import pytest

import identity.web
from identity.errors import StartError
from identity.policy.enforcer import Enforcer
from identity.policy.registry import verify
from identity.web.route import PUBLIC, routes_of

MODULES = [importlib.import_module(found.name) for found in pkgutil.walk_packages(identity.web.__path__, "identity.web.")]
ROUTES = routes_of(MODULES)

# Needs no token: what tells a client where to log in, logging in itself, and what watches over the service.
OPEN = {
    "/",
    "/v3",
    "/v3/openapi.json",
    "/v3/docs",
    "/healthcheck",
    "/metrics",
    "POST /v3/auth/tokens",
    "POST /v3/users/<user_id>/password",
}


def test_every_route_declares_a_rule_that_exists():
    assert ROUTES
    verify([(f"{route.method} {route.path}", route.policy) for route in ROUTES], Enforcer().names())


def test_a_route_that_forgets_its_policy_stops_the_start():
    with pytest.raises(StartError):
        verify([("GET /v3/forgotten", "")], Enforcer().names())


def test_the_open_routes_are_the_known_ones():
    opened = [route for route in ROUTES if route.policy == PUBLIC]
    assert opened
    assert [f"{r.method} {r.path}" for r in opened if r.path not in OPEN and f"{r.method} {r.path}" not in OPEN] == []


def test_every_route_is_told_in_a_sentence():
    assert [route.path for route in ROUTES if not route.summary.endswith(".")] == []


def test_no_route_is_declared_twice():
    # A module that imports a handler shows it again: what counts is another handler for the same request.
    handlers = {(route.method, route.path, route.handler) for route in ROUTES}
    requests = Counter((method, path) for method, path, _ in handlers)
    assert [request for request, times in requests.items() if times > 1] == []
