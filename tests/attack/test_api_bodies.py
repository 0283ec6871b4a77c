"""Any bytes as a body, any JSON in any place of it, any header, any query: a clear 4xx, never a 500, never a secret told."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.gateway import Cloud, body_of, check_error, password_auth, password_of, project, token_auth

SECRET = "s3cr3t-Sesame-0417"
LIMIT = 114688
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        [
            "",
            "password",
            "token",
            "default",
            "web",
            "unscoped",
            "user-member",
            "\x00",
            "\ud800",
            SECRET,
            "x" * 300,
            10**400,
            -0.0,
            1e308,
        ]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(["id", "name", "domain", "project", "user"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def good_body() -> dict[str, Any]:
    user = {"name": "member", "domain": {"id": "default"}, "password": password_of("member")}
    identity = {"methods": ["password", "token"], "password": {"user": user}, "token": {"id": SECRET}}
    return body_of(identity, {"project": {"name": "web-project", "domain": {"id": "default"}}})


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


PLACES = places(good_body())


def replaced(path: tuple[Any, ...], new: Any) -> Any:
    body: Any = good_body()
    if not path:
        return new
    inner = body
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return body


def hold(answer, *more: int) -> None:
    """An answer to what is not meant well: in the API's form, and without what was sent."""
    text = answer.get_data(as_text=True)
    assert SECRET not in text and password_of("member") not in text
    assert SECRET not in str(answer.headers) and password_of("member") not in str(answer.headers)
    if answer.status_code not in (200, 201, 300, *more):
        assert 400 <= answer.status_code < 500, (answer.status_code, text)
        check_error(answer, answer.status_code)


@QUICK
@given(path=st.sampled_from(PLACES), value=JSON)
def test_any_json_in_any_place(shared_cloud: Cloud, path: tuple[Any, ...], value: Any):
    hold(shared_cloud.post(replaced(path, value)))


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1, 1.5, 1e300, "", "x", "\x00", "\ud800", [], ["x"], {}, {"id": 1}, {"id": None}, {"x": "x"}, "HUGE"],
    ids=lambda value: repr(value)[:12],
)
def test_every_type_in_every_place(shared_cloud: Cloud, value: Any):
    for path in PLACES:
        body = json.dumps(replaced(path, value)).replace('"HUGE"', "1" + "0" * 5000).encode()
        answer = shared_cloud.post(body)
        assert 400 <= answer.status_code < 500, body
        hold(answer)


NAME = st.text(max_size=40) | st.sampled_from(
    ["web", "default", "Default", "web-project", "x" * 300, "\x00", "\ud800", "%", "_", "'"]
)
DOMAIN = st.fixed_dictionaries({}, optional={"id": NAME, "name": NAME})
SCOPE = (
    JSON
    | st.fixed_dictionaries({"domain": DOMAIN})
    | st.fixed_dictionaries({"project": st.fixed_dictionaries({}, optional={"id": NAME, "name": NAME, "domain": DOMAIN})})
)


@QUICK
@given(scope=SCOPE)
def test_any_scope_after_a_good_proof(shared_cloud: Cloud, scope: Any):
    answer = shared_cloud.post({"auth": {**password_auth("member")["auth"], "scope": scope}})
    if answer.status_code == 201:
        shown = answer.get_json()["token"]
        assert shown.get("project", {}).get("id", "web") == "web" and shown.get("domain", {}).get("id", "default") == "default"
    hold(answer)


@QUICK
@given(body=st.binary(max_size=400) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes(shared_cloud: Cloud, body: bytes):
    for face in ("", "/krb"):
        hold(shared_cloud.post(body, face=face))


@QUICK
@given(where=st.integers(0, 10_000), junk=st.binary(min_size=1, max_size=4), cut=st.booleans())
def test_a_good_body_spoiled_anywhere(shared_cloud: Cloud, where: int, junk: bytes, cut: bool):
    body = json.dumps(good_body()).encode()
    where %= len(body)
    hold(shared_cloud.post(body[:where] + junk + (b"" if cut else body[where + len(junk) :])))


IN_USER = b'{"auth": {"identity": {"methods": ["password"], "password": {"user": %s}}}}'
BROKEN = {
    "empty": b"",
    "blank": b"  \n",
    "NUL": b"\x00",
    "BOM": b"\xef\xbb\xbf" + json.dumps(password_auth("member")).encode(),
    "UTF-16": json.dumps(password_auth("member")).encode("utf-16"),
    "invalid UTF-8": b'{"auth": {"identity": {"methods": ["\xff\xfe"]}}}',
    "overlong UTF-8": b'{"auth": {"identity": {"methods": ["\xc0\x80"]}}}',
    "encoded surrogate": b'{"auth": {"identity": {"methods": ["\xed\xa0\x80"]}}}',
    "escaped surrogate": IN_USER % b'{"id": "\\ud800", "password": "x"}',
    "surrogate as password": IN_USER % b'{"id": "user-member", "password": "\\udfff"}',
    "raw control": b'{"auth": {"identity": {"methods": ["pass\nword"]}}}',
    "two values": b"{}{}",
    "trailing comma": b'{"auth": {"identity": {"methods": ["password",]}}}',
    "comment": b"{/* */}",
    "NaN": b'{"auth": NaN}',
    "infinity": b'{"auth": Infinity}',
    "huge number": b'{"auth": ' + b"9" * 50_000 + b"}",
    "huge exponent": b'{"auth": {"identity": {"methods": ["password"], "password": 1e999999999}}}',
    "huge number beside": b'{"n": ' + b"9" * 50_000 + b', "auth": 1}',
    "half": json.dumps(password_auth("member")).encode()[:-1],
    "form": b"auth=1&methods=password",
    "XML": b"<auth/>",
    "YAML": b"!!python/object/apply:os.system ['id']",
    "array": b"[" * 100_000,
    "array, closed": b"[" * 50_000 + b"]" * 50_000,
    "object": b'{"a":' * 20_000,
    "array in auth": b'{"auth":' + b"[" * 100_000,
    "array in identity": b'{"auth": {"identity": {"methods": ["password"], "password": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}}",
    "object in scope": b'{"auth": {"identity": {"methods": ["password"]}, "scope": {"unscoped": '
    + b'{"a":' * 15_000
    + b"1"
    + b"}" * 15_000
    + b"}}}",
    "array in an unknown key": b'{"auth": {"identity": {"methods": ["password"]}}, "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
}


@pytest.mark.parametrize("face", ["", "/krb"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_request(shared_cloud: Cloud, name: str, face: str):
    began = time.process_time()
    answer = shared_cloud.post(BROKEN[name], face=face)
    check_error(answer, 400, 401)
    assert time.process_time() - began < 1
    assert len(answer.data) < 1000


def test_a_key_given_twice_is_read_one_way_only(shared_cloud: Cloud):
    """Whichever of the two counts, it must be checked: the last one, as everywhere in Python."""

    def doubled(outer: dict[str, Any], key: str, first: Any) -> str:
        """The object as JSON, with `key` once more before its own place."""
        return "{" + f'"{key}": {json.dumps(first)}, ' + json.dumps(outer)[1:]

    good, wrong = password_auth("member"), password_auth("admin", "wrong")
    check_error(shared_cloud.post(doubled(wrong, "auth", good["auth"]).encode()), 401)
    assert shared_cloud.post(doubled(good, "auth", wrong["auth"]).encode()).status_code == 201
    user = doubled({"id": "user-admin", "password": password_of("member")}, "id", "user-member")
    text = json.dumps(body_of({"methods": ["password"], "password": {"user": "HERE"}})).replace('"HERE"', user)
    check_error(shared_cloud.post(text.encode()), 401)
    identity = doubled({"methods": ["password"], "password": {"user": {"id": "user-member", "password": "wrong"}}}, "methods", [])
    check_error(shared_cloud.post(f'{{"auth": {{"identity": {identity}}}}}'.encode()), 401)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "json",
        "*/*",
        "x" * 5000,
        "é",
    ],
)
def test_a_wrong_content_type(shared_cloud: Cloud, kind: str):
    answer = shared_cloud.post(password_auth("member"), content_type=kind)
    check_error(answer, 400, 415)
    assert kind not in answer.get_data(as_text=True) or kind == "json"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;",
        "application/vnd.openstack+json",
        "",
    ],
)
def test_a_right_content_type(shared_cloud: Cloud, kind: str):
    assert shared_cloud.post(password_auth("member"), content_type=kind).status_code == 201


def test_the_largest_body(shared_cloud: Cloud):
    body = json.dumps(password_auth("member")).encode()
    assert shared_cloud.post(body + b" " * (LIMIT - len(body))).status_code == 201
    check_error(shared_cloud.post(body + b" " * (LIMIT - len(body) + 1)), 413)
    for length in (str(LIMIT + 1), "9" * 12, "9" * 30, "9" * 5000):
        answer = shared_cloud.client.post("/v3/auth/tokens", data=body, environ_overrides={"CONTENT_LENGTH": length})
        check_error(answer, 413)
    for length in ("-1", "+5", "0x10", "1e3", "٣", " 5x"):
        answer = shared_cloud.client.post("/v3/auth/tokens", data=body, environ_overrides={"CONTENT_LENGTH": length})
        check_error(answer, 400)


@pytest.mark.parametrize("name", ["user", "domain", "project"])
@pytest.mark.parametrize(
    "text",
    [
        "x" * 40_000,
        "\x00",
        "a\x00b",
        "\r\n",
        "'; DROP TABLE user_account; --",
        "%00",
        "${jndi:ldap://x}",
        "../../etc",
        "\u202e",
        "\U0010ffff",
        " ",
        "\ufffe",
    ],
)
def test_any_name(shared_cloud: Cloud, name: str, text: str):
    if name == "user":
        answer = shared_cloud.post(password_auth(text, "x"))
    else:
        answer = shared_cloud.post(password_auth("member", scope={name: {"name": text, "domain": {"name": text}}}))
    check_error(answer, 400, 401)
    assert len(answer.data) < 1000
    hold(answer)


HEADER = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=200) | st.sampled_from(
    ["x" * 60_000, SECRET, "\x00", "\x7f", "é" * 50, " ", "a,b", "=", "."]
)


@QUICK
@given(caller=HEADER, subject=HEADER, method=st.sampled_from(["GET", "HEAD", "DELETE"]))
def test_any_tokens(shared_cloud: Cloud, caller: str, subject: str, method: str):
    admin = shared_cloud.login("admin", project("admin")).token
    for first, second in ((caller, subject), (admin, subject), (caller, admin)):
        answer = shared_cloud.client.open(
            "/v3/auth/tokens", method=method, environ_overrides={"HTTP_X_AUTH_TOKEN": first, "HTTP_X_SUBJECT_TOKEN": second}
        )
        assert answer.status_code in (400, 401, 404)
        if method != "HEAD":
            check_error(answer, answer.status_code)
        for sent in (caller, subject, admin):
            assert len(sent) < 16 or sent not in answer.get_data(as_text=True) + str(answer.headers)


@QUICK
@given(
    token=st.text(max_size=300)
    | st.sampled_from(["\x00", "gAAAA" + "é" * 100, "x" * 100_000, SECRET, "gAAAA" + "A" * 8000, "e" * 32, "." * 5000])
)
def test_any_text_as_the_token_shown(shared_cloud: Cloud, token: str):
    try:
        body = json.dumps(token_auth(token), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        body = json.dumps(token_auth(token)).encode()
    answer = shared_cloud.post(body)
    check_error(answer, 400, 401, 404)
    hold(answer)


QUERY = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=100) | st.sampled_from(
    [
        "limit=abc",
        "marker=%00",
        "allow_expired=" + "1" * 4000,
        "nocatalog=%ff",
        "&" * 4000,
        "=&=&",
        "cascade[]=1",
        "cascade=%E2%98%83",
        "a=b;c=d",
        "%",
        "%zz",
        "?" * 100,
        "allow_expired=1&allow_expired=0",
    ]
)


@QUICK
@given(query=QUERY, path=st.sampled_from(["/", "/v3", "/v3/auth/tokens", "/v3/auth/projects", "/v3/auth/catalog", "/healthcheck"]))
def test_any_query(shared_cloud: Cloud, query: str, path: str):
    token = shared_cloud.login("admin", project("admin")).token
    answer = shared_cloud.client.get(
        path, query_string=query, headers={"X-Auth-Token": token, "X-Subject-Token": token, "Host": "id.example.org"}
    )
    assert answer.status_code in (200, 300, 400)
    hold(answer)


@QUICK
@given(path=st.text(st.characters(max_codepoint=255), max_size=60), method=st.sampled_from(["GET", "POST", "DELETE", "HEAD"]))
def test_any_path(shared_cloud: Cloud, path: str, method: str):
    answer = shared_cloud.client.open(
        method=method, environ_overrides={"PATH_INFO": "/" + path, "RAW_URI": "/" + path, "HTTP_HOST": "id.example.org"}
    )
    assert answer.status_code in (200, 300, 400, 401, 404, 405)
