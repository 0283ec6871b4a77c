"""A path is read by the edge, the router and any proxy alike, or it is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.wsgi.edge import check_path
from identity.wsgi.refusal import Refused
from tests.support.rawhttp import Served, Wire, ask, serving


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("paths"), {"server": {"workers": 1}}) as served:
        yield served


ODD = [
    "//krb/v3", "/krb//v3", "/krb/v3//auth/tokens", "/main/v3/../../krb/v3", "/main/./v3", "/..", "/.", "/krb/v3/..", "/krb%2fv3",
    "/krb%2Fv3/auth/tokens", "/krb%5cv3", "/krb\\v3", "/krb/v3/auth/tokens%00", "/krb/v3/auth/tokens%0a", "/krb/v3%0d%0aX:y",
    "/%2e%2e/krb/v3", "/krb/%2e/v3", "/krb;a=b/v3", "/krb/v3;x", "/krb/v3/auth/tokens;jsessionid=1", "/%6brb/v3", 
    "/krb/v3/auth/%74okens",
    "/krb/v3/auth/tokens%3bx", "/krb/v3/%ff", "/krb/v3/%c0%af", "/krb/v3/%e2%82", "/krb/v3/%", "/krb/v3/%2", "/krb/v3/%zz",
    "/krb/v3/%252f", "/krb/v3/%252e%252e", "/krb/v3#x", "http://localhost/krb/v3", "https://evil/krb/v3", "/v3?a=%", "/v3?a=%ff",
    "/v3?a=%00", "/krb/v3/%7f", "/krb/v3/%1b",
]  # fmt: skip


@pytest.mark.parametrize("target", ODD)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_odd_targets_are_refused(gateway: Served, target: str, method: str) -> None:
    answer = ask(gateway.address, method, target)
    assert answer.status == 400
    assert answer.json()["error"]["title"] == "Bad Request"
    assert answer.get("WWW-Authenticate") is None


def test_asterisk_and_authority_forms_are_refused(gateway: Served) -> None:
    assert ask(gateway.address, "OPTIONS", "*").status == 400
    assert ask(gateway.address, "GET", "*").status == 400
    assert ask(gateway.address, "GET", "localhost:80").status == 400


@pytest.mark.parametrize(
    ("target", "face", "script", "path"),
    [
        ("/", "BARE", "", "/"), ("/v3", "BARE", "", "/v3"), ("/v3/", "BARE", "", "/v3/"), ("/main", "MAIN", "/main", "/"),
        ("/main/", "MAIN", "/main", "/"), ("/main/v3/auth/tokens", "MAIN", "/main", "/v3/auth/tokens"),
        ("/admin/v3", "ADMIN", "/admin", "/v3"),
        ("/krb/v3", "KRB", "/krb", "/v3"), ("/krb/krb/v3", "KRB", "/krb", "/krb/v3"), ("/KRB/v3", "BARE", "", "/KRB/v3"),
        ("/Main/v3", "BARE", "", "/Main/v3"), ("/krbx/v3", "BARE", "", "/krbx/v3"), ("/unknown/v3", "BARE", "", "/unknown/v3"),
        ("/v3/users/a%20b%C3%A9", "BARE", "", "/v3/users/a b\u00c3\u00a9"), ("/v3/x?name=a%2Fb%20c", "BARE", "", "/v3/x"),
        ("/v3/users/a@b:c,d~e", "BARE", "", "/v3/users/a@b:c,d~e"), ("/v3/...", "BARE", "", "/v3/..."),
        ("/v3/.well", "BARE", "", "/v3/.well"),
    ],
)  # fmt: skip
def test_the_prefix_decides_the_face(gateway: Served, target: str, face: str, script: str, path: str) -> None:
    seen = ask(gateway.address, "GET", target).json()
    assert (seen["face"], seen["environ"]["SCRIPT_NAME"], seen["environ"]["PATH_INFO"]) == (face, script, path)


@pytest.mark.parametrize("target", ["/x509", "/x509/", "/x509/v3", "/x509/v3/auth/tokens"])
def test_certificates_are_not_served_here_and_never_asked_for(gateway: Served, target: str) -> None:
    answer = ask(gateway.address, "POST" if target.endswith("tokens") else "GET", target)
    assert answer.status == 404 and answer.json()["error"]["code"] == 404


def test_an_endless_target_is_refused(gateway: Served) -> None:
    with Wire(gateway.address) as wire:
        assert wire.ask("GET", "/v3/" + "a" * 8100).status == 200
    assert ask(gateway.address, "GET", "/v3/" + "a" * 8200).status == 414


@given(st.text(alphabet=st.sampled_from("/.%25cCfFeE2a;\\?#:@&= \x00\x1f\x7f\u00e9"), max_size=40))
def test_what_passes_means_the_same_to_every_reader(target: str) -> None:
    try:
        check_path(target)
    except Refused as refused:
        assert 400 <= refused.status < 500
        return
    path = target.partition("?")[0]
    assert path.startswith("/")
    for _ in range(3):  # decoding again and again never makes another segment
        segments = path.split("/")
        assert not {".", ".."} & set(segments)
        assert "" not in segments[1:-1]
        assert not set("\\;\x00") & set(path)
        from urllib.parse import unquote

        again = unquote(path)
        assert again.count("/") == path.count("/")
        path = again
