"""The directory that one run of the suites works in: tempest.conf, stestr.conf, the list of what to run, and its environment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from identity.manage.demo.processes import clean_environ

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-conformance"
LOCKOUT_ATTEMPTS, LOCKOUT_SECONDS, LAST_PASSWORDS = 2, 5, 2  # as the suites count on them; the gateway is set to the same
REGION = "RegionOne"


@dataclass(frozen=True)
class Target:
    """A gateway and its administrator. `url` ends in /v3; `ca`: PEM bundle of an https one; `compliant`: lock-out is set so."""

    url: str
    user: str
    password: str
    project: str = "admin"
    domain: str = "Default"
    ca: str = ""
    compliant: bool = True


def prepare(directory: Path, target: Target, patterns: Iterable[str], *, log: bool = False) -> None:
    """Write all files; `patterns` are regular expressions on test ids, none meaning every test.

    `log`: every request and answer whole in log/tempest.log. It costs more than some of the requests.
    """
    for name in ("lock", "log", "home"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    suites = ROOT / "tools" / "conformance" / "suites"
    # Tests of one class share what its set-up made, so a class stays in one worker.
    (directory / ".stestr.conf").write_text(
        f"[DEFAULT]\ntest_path={suites}\ntop_dir={suites}\ngroup_regex=([^\\.]*\\.)*\n", encoding="utf-8"
    )
    secret = directory / "tempest.conf"
    secret.touch(mode=0o600)
    secret.write_text(_ini(_tempest(directory, target, log)), encoding="utf-8")
    (directory / "include").write_text("".join(f"{pattern}\n" for pattern in patterns), encoding="utf-8")


def environ(directory: Path) -> dict[str, str]:
    return clean_environ(
        {
            "HOME": str(directory / "home"),
            "TMPDIR": str(directory),
            "PATH": f"{VENV}/bin:/usr/bin:/bin",
            "TEMPEST_CONFIG_DIR": str(directory),
            "TEMPEST_CONFIG": "tempest.conf",
            "OS_TEST_TIMEOUT": "120",
            # Capturing would put every test's log into the stream, of the good ones too.
            "OS_LOG_CAPTURE": "False",
        }
    )


def _tempest(directory: Path, target: Target, log: bool) -> dict[str, dict[str, object]]:
    no_other_service: dict[str, object] = dict.fromkeys(("cinder", "glance", "neutron", "nova", "swift"), False)
    return {
        "DEFAULT": {"log_dir": directory / "log", "log_file": "tempest.log", "debug": log},
        "oslo_concurrency": {"lock_path": directory / "lock"},
        "auth": {
            "use_dynamic_credentials": True,
            "create_isolated_networks": False,
            "admin_username": target.user,
            "admin_password": target.password,
            "admin_project_name": target.project,
            "admin_domain_name": target.domain,
            "default_credentials_domain_name": target.domain,
            "tempest_roles": "member",
        },
        "identity": {
            "uri_v3": target.url,
            "auth_version": "v3",
            "region": REGION,
            "v3_endpoint_type": "public",
            "default_domain_id": "default",
            **({"ca_certificates_file": target.ca} if target.ca else {}),
            "user_lockout_failure_attempts": LOCKOUT_ATTEMPTS,
            "user_lockout_duration": LOCKOUT_SECONDS,
            "user_unique_last_password_count": LAST_PASSWORDS,
        },
        "identity-feature-enabled": {
            "security_compliance": target.compliant,
            "federation": False,
            "external_idp": False,
            "access_rules": True,
        },
        "enforce_scope": {"keystone": True},
        "service_available": no_other_service,
    }


def _ini(sections: dict[str, dict[str, object]]) -> str:
    # oslo.config reads $name in a value as a reference to another option.
    lines = []
    for section, values in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {str(value).replace('$', '$$')}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def requests_of(directory: Path, test_id: str, most: int = 6) -> str:
    """The last requests that a test, or the set-up of a class, made: what tempest logged of them."""
    words = re.findall(r"\w+", test_id)
    if test_id.endswith(")"):  # setUpClass (package.module.Class)
        name = re.escape(f"{words[-1]}:{words[0]}")
    else:
        name = re.escape(words[-2]) + f":({re.escape(words[-1])}|setUp)"
    text = (directory / "log" / "tempest.log").read_text(encoding="utf-8", errors="replace")
    entries = re.split(r"\n(?=\d{4}-\d\d-\d\d \d\d:)", text)
    found = []
    for entry, after in zip(entries, [*entries[1:], ""], strict=True):
        if re.search(rf"Request \({name}\)", entry):
            found.append(entry.partition(" Request ")[2])
            if "Request - Headers" in after:
                found[-1] += after.partition("Request - Headers")[2]
    return "\n".join(found[-most:])
