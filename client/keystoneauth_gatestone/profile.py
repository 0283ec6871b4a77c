"""A login written down: clouds.yaml or openrc text from the effective configuration of the client.

No secret is ever put in, and no value reaches a file unquoted.
"""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keystoneauth1 import loading

from keystoneauth_gatestone import select

# What an earlier openrc may have left that would change which login is made, or as whom.
STALE = """
    OS_CLOUD OS_AUTH_TYPE OS_AUTH_PLUGIN OS_AUTH_URL OS_AUTH_METHODS OS_IDENTITY_API_VERSION
    OS_TOKEN OS_ENDPOINT OS_URL OS_SERVICE_TOKEN OS_SERVICE_ENDPOINT OS_USERNAME OS_USER_ID
    OS_PASSWORD OS_PASSCODE OS_USER_DOMAIN_ID OS_USER_DOMAIN_NAME OS_DEFAULT_DOMAIN
    OS_DEFAULT_DOMAIN_ID OS_DEFAULT_DOMAIN_NAME OS_PROJECT_ID OS_PROJECT_NAME
    OS_PROJECT_DOMAIN_ID OS_PROJECT_DOMAIN_NAME OS_TENANT_ID OS_TENANT_NAME OS_DOMAIN_ID
    OS_DOMAIN_NAME OS_SYSTEM_SCOPE OS_TRUST_ID OS_APPLICATION_CREDENTIAL_ID
    OS_APPLICATION_CREDENTIAL_NAME OS_APPLICATION_CREDENTIAL_SECRET OS_IDENTITY_PROVIDER
    OS_PROTOCOL OS_MUTUAL_AUTH OS_SERVICE_PROVIDER OS_REGION_NAME OS_INTERFACE OS_ENDPOINT_TYPE
    OS_CACERT OS_CERT OS_KEY OS_X509_CERT OS_X509_KEY OS_INSECURE OS_REMOTE_PROJECT_ID
    OS_REMOTE_PROJECT_NAME
""".split()
PATHS = ("cacert", "cert", "key")


class Incomplete(ValueError):
    """The configuration lacks something that the file would need; the text says what to set."""


@dataclass(frozen=True)
class Profile:
    """`auth` holds the options of the login, `client` those beside it; `withheld` names secrets."""

    auth_type: str
    auth: Mapping[str, str]
    client: Mapping[str, str]
    withheld: tuple[str, ...]


def gather(config: Mapping[str, Any]) -> Profile:
    """The profile of an openstacksdk cloud configuration (flat keys, and `auth`).

    Raises Incomplete.
    """
    auth = {**config, **(config.get("auth") or {})}
    url = auth.get("auth_url")
    if not url:
        raise Incomplete("no URL of a gateway: set OS_AUTH_URL")
    auth_type = _explicit(config.get("auth_type"), url, bool(auth.get("password")))
    if auth_type.endswith("token"):
        raise Incomplete("a token soon expires: write down a Kerberos, X.509 or password login")
    kept: dict[str, str] = {}
    withheld: list[str] = []
    for option in loading.get_plugin_loader(auth_type).get_options():
        key = option.name.replace("-", "_")
        if option.secret:
            withheld.append(key)
        elif value := auth.get(key) or auth.get(option.dest):
            kept[key] = _absolute(value) if key.startswith("x509_") else str(value)
    client = {
        key: _absolute(config[key]) if key in PATHS else str(config[key])
        for key in (*PATHS, "region_name", "interface")
        if config.get(key)
    }
    if auth_type == select.KERBEROS:
        kept["mutual_auth"] = "required"
    if auth_type == select.X509 and not (kept.get("x509_cert") or client.get("cert")):
        raise Incomplete("no client certificate: set OS_CERT and OS_KEY")
    if auth_type == "password" and not (kept.get("username") or kept.get("user_id")):
        raise Incomplete("no user name: set OS_USERNAME and OS_USER_DOMAIN_NAME")
    return Profile(auth_type, kept, client, tuple(withheld))


def _explicit(auth_type: Any, url: str, has_password: bool) -> str:
    if auth_type and auth_type != "gatestone":
        return str(auth_type)
    return select.plugin_for(url, has_token=False, has_password=has_password)


def _absolute(path: Any) -> str:
    return os.path.abspath(os.path.expanduser(str(path)))


def clouds_yaml(profile: Profile, name: str) -> str:
    import yaml  # openstacksdk brings it

    cloud: dict[str, Any] = {
        "auth_type": profile.auth_type,
        "auth": dict(profile.auth),
        "identity_api_version": _version(profile),
        **profile.client,
    }
    text: str = yaml.safe_dump({"clouds": {name: cloud}}, sort_keys=False)
    note = [f"# {key} is not written here: put it in secure.yaml\n" for key in profile.withheld]
    return "".join(note) + text


def openrc(profile: Profile) -> str:
    """Text to be sourced by any POSIX shell."""
    values = {
        "auth_type": profile.auth_type,
        **profile.auth,
        "identity_api_version": _version(profile),
        **profile.client,
    }
    lines = ["# Source this file: . ./openrc", "unset " + " ".join(STALE)]
    lines += [f"export OS_{key.upper()}={shlex.quote(value)}" for key, value in values.items()]
    for key in profile.withheld:
        lines += _question(key) if key == "password" else [f"# set OS_{key.upper()} yourself"]
    return "\n".join(lines) + "\n"


def _question(key: str) -> list[str]:
    """`read -s` is not POSIX; without a terminal the client itself says what is missing."""
    return [
        "if [ -t 0 ]; then",
        "  printf 'Password for %s: ' \"${OS_USERNAME:-$OS_USER_ID}\" >&2",
        f"  stty -echo; IFS= read -r OS_{key.upper()}; stty echo; echo >&2",
        f"  export OS_{key.upper()}",
        "fi",
    ]


def _version(profile: Profile) -> str:
    return "2" if select.segments(profile.auth["auth_url"])[-1:] == ["v2.0"] else "3"


def save(text: str, path: str, *, force: bool) -> None:
    """Write a file that only its owner can read; raise FileExistsError unless forced.

    A forced write replaces the name, so neither the mode nor a symbolic link of the old file stays.
    """
    target = f"{path}.{os.getpid()}.new" if force else path
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(target, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    if force:
        os.replace(target, path)
