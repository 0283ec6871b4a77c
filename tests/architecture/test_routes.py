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

# Needs no token: what tells a client where to log in, logging in itself (also by OAuth's signatures, or with an old password for a
# new one), what watches over the service, and the refusals that old clients expect.
OPEN = {
    "GET /",
    "GET /v3",
    "GET /v3/openapi.json",
    "GET /v3/docs",
    "GET /healthcheck",
    "GET /metrics",
    "GET /v3/OS-SIMPLE-CERT/ca",
    "GET /v3/OS-SIMPLE-CERT/certificates",
    "GET /v3/auth/tokens/OS-PKI/revoked",
    "POST /v3/auth/tokens",
    "POST /v3/OS-OAUTH1/request_token",
    "POST /v3/OS-OAUTH1/access_token",
    "POST /v3/users/<user_id>/password",
    "GET /v2.0",
    "GET /v2.0/openapi.json",
    "GET /v2.0/extensions",
    "GET /v2.0/extensions/<extension_alias>",
    "GET /v2.0/certificates/ca",
    "GET /v2.0/certificates/signing",
    "POST /v2.0/tokens",
}


def test_every_route_declares_a_rule_that_exists():
    assert ROUTES
    verify([(f"{route.method} {route.path}", route.policy) for route in ROUTES], Enforcer().names())


def test_a_route_that_forgets_its_policy_stops_the_start():
    with pytest.raises(StartError):
        verify([("GET /v3/forgotten", "")], Enforcer().names())


def test_the_open_routes_are_the_known_ones():
    assert {f"{route.method} {route.path}" for route in ROUTES if route.policy == PUBLIC} == OPEN


def test_every_route_is_told_in_a_sentence():
    assert [route.path for route in ROUTES if not route.summary.endswith(".")] == []


def test_no_route_is_declared_twice():
    # A module that imports a handler shows it again: what counts is another handler for the same request.
    handlers = {(route.method, route.path, route.handler) for route in ROUTES}
    requests = Counter((method, path) for method, path, _ in handlers)
    assert [request for request, times in requests.items() if times > 1] == []
