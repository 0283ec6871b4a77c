"""Which login a URL asks for, in the rule itself and in the real client's parser."""

from __future__ import annotations

import ast
import os
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keystoneauth_gatestone import osc, select

PACKAGE = Path(select.__file__).parent
host = st.from_regex(r"(krb|x509|v3|[a-z0-9]{1,8})(\.(krb|x509|v3|[a-z]{2,5})){0,3}", fullmatch=True)
segment = st.from_regex(r"[a-z0-9.%~-]{1,10}", fullmatch=True)
port = st.sampled_from(["", ":8443", ":1"])


@pytest.mark.parametrize(
    ("url", "face"),
    [
        ("https://host/krb/v3", "v3kerberos"),
        ("https://host/krb/v3/", "v3kerberos"),
        ("https://host/site/krb/v3", "v3kerberos"),
        ("https://host:8443/x509/v3", "v3x509"),
        ("https://host/main/v3", None),
        ("https://krb.example.org/v3", None),
        ("https://x509/v3", None),
        ("https://host/krbx/v3", None),
        ("https://host/krb/main/v3", None),
        ("https://host/krb/v2.0", None),
        ("https://host/krb", None),
        ("https://host/main/v3?/krb/v3", None),
        ("https://host/main/v3#/krb/v3", None),
        ("https://user:krb@host/v3", None),
        ("host/krb/v3", None),
        ("file:///krb/v3", None),
        ("https://[broken/krb/v3", None),
        ("", None),
        (None, None),
    ],
)
def test_face_is_a_path_segment(url: str | None, face: str | None) -> None:
    assert select.face_of(url) == face


@given(host, port, st.lists(segment, max_size=3), st.sampled_from(["", "/", "//"]))
def test_only_the_path_decides(name: str, number: str, path: list[str], end: str) -> None:
    url = "/".join([f"https://{name}{number}", *path, "v3"]) + end
    expected = {"krb": "v3kerberos", "x509": "v3x509"}.get(path[-1]) if path else None
    assert select.face_of(url) == expected


@given(st.text())
def test_no_text_breaks_the_rule(text: str) -> None:
    assert select.face_of(text) in (None, "v3kerberos", "v3x509")
    assert select.plugin_for(text, has_token=True, has_password=True) in ("password", "v3kerberos", "v3x509")


@given(host, segment, st.booleans(), st.booleans())
def test_a_password_beats_a_token(name: str, last: str, token: bool, password: bool) -> None:
    chosen = select.plugin_for(f"https://{name}/main/{last}", has_token=token, has_password=password)
    assert chosen == (("v3token" if last == "v3" else "token") if token and not password else "password")


KRB, X509, MAIN = "https://h/krb/v3", "https://h:8443/x509/v3", "https://h/main/v3"


@pytest.mark.parametrize(
    ("argv", "env", "chosen"),
    [
        ([], {}, ""),
        ([], {"OS_AUTH_URL": KRB}, "gatestone"),
        ([], {"OS_AUTH_URL": X509}, "gatestone"),
        ([], {"OS_AUTH_URL": MAIN}, ""),
        (["--os-auth-url", KRB], {}, "gatestone"),
        ([f"--os-auth-url={KRB}"], {}, "gatestone"),
        (["--os-auth-u", KRB], {}, "gatestone"),
        ([f"--os-auth-ur={X509}"], {"OS_AUTH_URL": MAIN}, "gatestone"),
        (["--os-auth-url", MAIN], {"OS_AUTH_URL": KRB}, ""),
        (["token", "issue", "--os-auth-url", KRB], {}, "gatestone"),
        (["--os-auth-url", MAIN, "--os-auth-url", KRB], {}, "gatestone"),
        ([], {"OS_AUTH_URL": KRB, "OS_AUTH_TYPE": "v3password"}, "v3password"),
        (["--os-auth-type", "v3password"], {"OS_AUTH_URL": KRB}, "v3password"),
        (["--os-auth-type=v3totp"], {"OS_AUTH_URL": KRB, "OS_AUTH_TYPE": "password"}, "v3totp"),
        (["--os-auth-t", "v3totp"], {"OS_AUTH_URL": KRB}, "v3totp"),
        ([], {"OS_AUTH_URL": KRB, "OS_CLOUD": "other"}, ""),
        (["--os-cloud", "other"], {"OS_AUTH_URL": KRB}, ""),
        (["--os-cloud=other"], {"OS_AUTH_URL": KRB}, ""),
        (["--os-clou", "other"], {"OS_AUTH_URL": KRB}, ""),
        ([], {"OS_AUTH_URL": MAIN, "OS_TOKEN": "t"}, "v3token"),
        ([], {"OS_AUTH_URL": "https://h/main", "OS_TOKEN": "t"}, "token"),
        ([], {"OS_AUTH_URL": MAIN, "OS_TOKEN": "t", "OS_PASSWORD": "p"}, ""),
        ([], {"OS_AUTH_URL": MAIN, "OS_TOKEN": "t", "OS_ENDPOINT": "https://h/e"}, ""),
        ([], {"OS_AUTH_URL": KRB, "OS_TOKEN": "t", "OS_PASSWORD": "p"}, "gatestone"),
    ],
)
def test_the_real_client_is_told(argv: list[str], env: dict[str, str], chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    from openstackclient.shell import OpenStackShell

    options, _ = OpenStackShell().parser.parse_known_args(argv)
    assert (options.auth_type or "") == chosen


def test_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OS_AUTH_TYPE", raising=False)
    assert osc.auth_type(Namespace(auth_url=KRB)) == "gatestone"
    assert "OS_AUTH_TYPE" not in os.environ


@pytest.mark.parametrize("module", ["__init__.py", "osc.py", "select.py"])
def test_what_every_command_imports_is_standard_library(module: str) -> None:
    tree = ast.parse((PACKAGE / module).read_text())
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | {"keystoneauth_gatestone"}
