"""URLs of our own, and problems as HTTP."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from identity import errors
from identity.web.links import Links, listener_urls
from identity.web.problem import of_status, problem_reply
from identity.web.route import PUBLIC, route, routes_of

BASE = "https://id.example.org"


@pytest.mark.parametrize(
    ("host", "prefix", "expected"),
    [
        ("id.example.org", "", BASE),
        ("ID.Example.ORG", "/krb", f"{BASE}/krb"),
        ("[2001:db8::1]:5000", "/main", "http://[2001:db8::1]:5000/main"),
        ("evil.example", "/krb", f"{BASE}/krb"),
        ("id.example.org:443", "", BASE),
        ("user@id.example.org", "", BASE),
        ("", "", BASE),
    ],
)
def test_a_link_has_a_host_of_ours_and_the_prefix_asked(host: str, prefix: str, expected: str):
    links = Links([f"{BASE}/", "http://[2001:db8::1]:5000"])
    assert links.base({"HTTP_HOST": host, "SCRIPT_NAME": prefix}) == expected


def test_a_request_without_a_host_gets_the_canonical_one():
    assert Links([BASE, "http://other"]).base({}) == BASE


def test_a_public_url_may_have_a_path():
    assert (
        Links(["https://id.example.org/identity/"]).base({"HTTP_HOST": "id.example.org", "SCRIPT_NAME": "/krb"})
        == f"{BASE}/identity/krb"
    )


@pytest.mark.parametrize(
    ("host", "port", "tls", "expected"),
    [
        ("127.0.0.1", 5000, False, ["http://localhost:5000", "http://127.0.0.1:5000"]),
        ("::1", 5000, True, ["https://localhost:5000", "https://127.0.0.1:5000", "https://[::1]:5000"]),
        ("192.0.2.1", 443, True, ["https://192.0.2.1"]),
        ("192.0.2.1", 80, False, ["http://192.0.2.1"]),
        ("192.0.2.1", 80, True, ["https://192.0.2.1:80"]),
        ("2001:db8::1", 5000, True, ["https://[2001:db8::1]:5000"]),
    ],
)
def test_the_names_of_a_listener(host: str, port: int, tls: bool, expected: list[str]):
    assert listener_urls(host, port, tls) == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_a_listener_on_every_address_goes_by_the_hosts_name_first(host: str):
    first, *rest = listener_urls(host, 5000, True)
    assert not first.startswith(("https://0.0.0.0", "https://[::]"))
    assert "https://localhost:5000" in [first, *rest]


@pytest.mark.parametrize(
    "kind",
    [
        errors.BadRequest,
        errors.PasswordTooLong,
        errors.Unauthorized,
        errors.ChallengeRequired,
        errors.Forbidden,
        errors.NotFound,
        errors.TokenNotFound,
        errors.MethodNotAllowed,
        errors.Conflict,
        errors.TooLarge,
        errors.Unavailable,
        errors.Problem,
    ],
)
def test_every_problem_has_the_apis_form_and_keeps_its_reason(kind: type[errors.Problem]):
    reply = problem_reply(kind(reason="hunter2"), BASE)
    assert reply.status == kind.status
    error = json.loads(reply.body)["error"]
    assert error == {"code": kind.status, "message": kind.public, "title": kind.title}
    names = [name for name, _ in reply.headers]
    assert ("WWW-Authenticate" in names) == (kind.status == 401)
    assert ("Retry-After" in names) == (kind.status == 503)
    assert "hunter2" not in str(reply)


def test_a_challenge_of_its_own_stands_alone():
    problem = errors.ChallengeRequired(headers=(("www-authenticate", "Negotiate"),))
    assert problem_reply(problem, BASE).headers == (("www-authenticate", "Negotiate"),)


@pytest.mark.parametrize(
    ("status", "expected"), [(404, 404), (405, 405), (413, 413), (400, 400), (418, 400), (500, 500), (503, 500)]
)
def test_what_the_framework_found(status: int, expected: int):
    assert of_status(status).status == expected


def test_a_route_may_be_declared_twice_on_one_handler():
    @route("GET", "/a", policy=PUBLIC, summary="A.")
    @route("GET", "/b", policy="rule", summary="B.", status=204)
    def handler(call):
        raise AssertionError

    module = ModuleType("routes")
    module.handler = handler  # type: ignore[attr-defined]
    module.other = len  # type: ignore[attr-defined]
    assert [(found.method, found.path, found.policy, found.status) for found in routes_of([module])] == [
        ("GET", "/b", "rule", 204),
        ("GET", "/a", PUBLIC, 200),
    ]
