"""docker-compose.yml and the Dockerfile, held to each other and to what they refer to. No container engine is needed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from identity.manage import Commands
from identity.manage.site import filling, reading
from tests.support.compose import gateways, mounts

ROOT = Path(__file__).resolve().parents[2]
SITE = reading.load(ROOT / "docs" / "examples" / "site.toml")
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
GUIDE = (ROOT / "docs" / "how-to" / "run-the-site-in-containers.md").read_text()
_HOSTS = re.compile(r"/(?:{})\.".format("|".join(one.name for one in (*SITE.load_balancers, *SITE.v3, *SITE.v2, *SITE.x509))))
RENDERED = {name: text for kind in ("haproxy", "gateway") for name, text in filling.files(SITE, kind).items()}


def _strings(pattern: str = "") -> dict[str, Any]:
    return {"type": "array", "uniqueItems": True, "minItems": 1, "items": {"type": "string", "pattern": pattern}}


def _closed(needed: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": needed, "properties": properties}


_TIME = {"type": "string", "pattern": r"^\d+s$"}
_WORDS = {"type": "array", "minItems": 1, "items": {"type": "string"}}
_TEXT = {"type": "string", "minLength": 1}
_SERVICE = _closed(
    ["image", "user", "read_only", "cap_drop", "security_opt", "networks", "tmpfs"],
    build=_closed(["context", "target"], context={"const": "."}, target={"enum": ["gateway", "kdc", "idp"]}),
    image={"type": "string", "pattern": r"^[a-z0-9-]+(:[0-9.]+)?$"},
    hostname=_TEXT,
    user={"type": "string", "pattern": r"^[1-9]\d*:[1-9]\d*$"},  # a number: the kubelet and the eye can tell that it is not root
    read_only={"const": True},
    cap_drop={"const": ["ALL"]},
    security_opt={"const": ["no-new-privileges:true"]},
    restart={"const": "unless-stopped"},
    networks={
        "oneOf": [
            {"const": ["site"]},
            _closed(["site"], site=_closed(["ipv4_address"], ipv4_address={"type": "string", "format": "ipv4"})),
        ]
    },
    entrypoint=_WORDS,
    command=_WORDS,
    ports=_strings(r"^(127\.0\.0\.1:)?\d+:\d+$"),
    expose=_strings(r"^\d+$"),
    environment={"type": "object", "additionalProperties": {"type": "string"}},
    volumes=_strings(r"^(\./|[a-z0-9-]+:/)"),
    tmpfs=_strings("^/"),
    shm_size=_TEXT,
    secrets={
        "type": "array",
        "items": {"oneOf": [_TEXT, _closed(["source", "target"], source=_TEXT, target={"type": "string", "pattern": "^/"})]},
    },
    profiles={"enum": [["kdc"], ["idp"]]},
    depends_on={
        "oneOf": [
            _strings(),
            {
                "type": "object",
                "additionalProperties": _closed(
                    ["condition"], condition={"enum": ["service_healthy", "service_completed_successfully"]}
                ),
            },
        ]
    },
    healthcheck=_closed(
        ["test", "interval", "timeout", "retries"],
        test={"type": "array", "minItems": 2, "items": {"type": "string"}, "prefixItems": [{"const": "CMD"}]},
        interval=_TIME,
        timeout=_TIME,
        retries={"type": "integer"},
        start_period=_TIME,
    ),
    stop_signal={"type": "string", "pattern": "^SIG"},
    stop_grace_period=_TIME,
)
SCHEMA = _closed(
    ["name", "services", "networks", "volumes", "secrets"],
    name={"const": "gatestone"},
    services={"type": "object", "additionalProperties": _SERVICE},
    networks={"type": "object"},
    volumes={"type": "object", "additionalProperties": {"const": {}}},
    secrets={"type": "object", "additionalProperties": _closed(["file"], file={"type": "string", "pattern": r"^\./"})},
)


def test_it_is_the_rendering_of_the_example() -> None:
    """Else: gatestone render compose --site docs/examples/site.toml --out ."""
    assert filling.files(SITE, "compose")["docker-compose.yml"] == TEXT


def test_it_has_the_form_that_it_must_have() -> None:
    """The keys of the Compose Specification that are used here, and of each service what keeps it harmless."""
    jsonschema.validate(COMPOSE, SCHEMA, format_checker=jsonschema.FormatChecker())


def test_all_of_the_site_is_there() -> None:
    hosts = [*SITE.load_balancers, *SITE.v3, *SITE.v2, *SITE.x509, *SITE.postgresql]
    assert set(SERVICES) == {one.name for one in hosts} | {"setup", "kdc", "idp"}
    for one in hosts:
        assert SERVICES[one.name]["networks"]["site"]["ipv4_address"] == one.address
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (name != "setup"), name


def test_what_is_referred_to_exists() -> None:
    """Files: in the tree, rendered, or told by the guide. Volumes, secrets and other services: declared."""
    for _name, service in SERVICES.items():
        for source, _target in mounts(service):
            if source.startswith("./containers/"):
                assert (ROOT / source).is_file(), source
            elif source.startswith("./build/site/"):
                file = source.removeprefix("./build/site/")
                assert file in RENDERED or file in GUIDE or re.sub(_HOSTS, "/NAME.", file) in GUIDE, source
            else:
                assert source in COMPOSE["volumes"], source
        for other in service.get("depends_on", ()):
            assert other in SERVICES
        for secret in service.get("secrets", ()):
            assert (secret if isinstance(secret, str) else secret["source"]) in COMPOSE["secrets"]
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].removeprefix("./build/site/") in GUIDE


@pytest.mark.parametrize("name", sorted({file.partition("/")[0] for file in RENDERED}))
def test_every_file_that_a_configuration_names_is_in_the_container(name: str) -> None:
    service = SERVICES[name]
    there = [target for _source, target in mounts(service)] + [one.partition(":")[0] for one in service["tmpfs"]]
    there += [one["target"] for one in service.get("secrets", ()) if not isinstance(one, str)]
    text = next(text for file, text in RENDERED.items() if file.startswith(f"{name}/"))
    # In libpq's URL they stand behind a "=".
    named = set(re.findall(r"(?:^|[\s\"'=])(/(?:etc|run)/[A-Za-z0-9._/-]+)", text, re.MULTILINE))
    assert named, "the pattern finds nothing"
    assert {path for path in named if not any(path == one or path.startswith(f"{one}/") for one in there)} == set()


def test_every_command_is_one_that_there_is() -> None:
    """The gateway's own are parsed as the gateway would, without running them."""
    for name, service in gateways(COMPOSE).items():
        command = Commands().get_command(None, service["command"][0])  # type: ignore[arg-type]
        assert command is not None
        options = [word.replace("/run/secrets/admin_password", "/dev/null") for word in service["command"][1:]]
        command.make_context(name, options)
    known = {"haproxy", "postgres", "bash", "serve", "bootstrap"}
    assert {(service.get("entrypoint") or service["command"])[0] for service in SERVICES.values() if "command" in service} <= known
    asked = {service["healthcheck"]["test"][1] for service in SERVICES.values() if "healthcheck" in service}
    assert asked == {"bash", "python", "pg_isready"}


def test_ports_are_those_that_are_listened_on() -> None:
    for name, service in SERVICES.items():
        text = next((text for file, text in RENDERED.items() if file.startswith(f"{name}/")), DOCKERFILE)
        for port in [*service.get("expose", ()), *(one.rpartition(":")[2] for one in service.get("ports", ()))]:
            assert re.search(rf"(port = |bind \*:|EXPOSE (?:\d+ )*){port}\b", text), (name, port)
    assert SERVICES["lb01"]["ports"] == ["443:443", "8443:8443"]
    published = {name for name, service in SERVICES.items() if "ports" in service}
    assert published == {"lb01", "lb02", "kdc", "idp"}, "a back end can be reached past the load balancer"
    taken = [port.rpartition(":")[0] for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(taken) == len(set(taken))


# --- the images ---------------------------------------------------------------------------------------------------


def stages() -> dict[str, str]:
    parts = re.split(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    return {parts[number + 1]: parts[number + 2] for number in range(1, len(parts), 3)}


def test_every_image_that_is_run_is_a_stage_of_nobody() -> None:
    found = stages()
    assert {service["build"]["target"] for service in SERVICES.values() if "build" in service} == set(found) - {"build"}
    for name in set(found) - {"build"}:
        lines = [line.split(maxsplit=1) for line in found[name].splitlines() if line and not line.startswith("#")]
        users = [words[1] for words in lines if words[0] == "USER"]
        assert users == ["10001:10001"], name
        assert [words[0] for words in lines].index("USER") > max(number for number, words in enumerate(lines) if words[0] == "RUN")
        assert "gcc" not in found[name] and "-dev" not in found[name]
    for service in SERVICES.values():
        if "build" in service:
            assert service["user"] == "10001:10001"


def test_what_is_copied_exists_and_is_let_in() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert any(source == one or source.startswith(f"{one}/") for one in let_in), source
    assert all((ROOT / one).exists() for one in let_in)


def test_every_package_of_the_gateway_and_the_realm_is_a_real_one() -> None:
    """They are installed here too: what the gateway links to, and the realm's. (The trial identity provider's are not.)"""
    found = stages()
    text = found["build"] + found["gateway"] + found["kdc"]
    names = {name for line in re.findall(r"--no-install-recommends ([^&]+)&&", text) for name in line.split()}
    assert len(names) == 7
    subprocess.run(["dpkg-query", "-W", *sorted(names)], capture_output=True, check=True, timeout=60)


@pytest.mark.parametrize("script", sorted(str(path.relative_to(ROOT)) for path in (ROOT / "containers").rglob("*.sh")))
def test_scripts_are_whole(script: str) -> None:
    assert shutil.which("bash")
    subprocess.run(["bash", "-n", str(ROOT / script)], check=True, timeout=20)
    assert "set -euo pipefail" in (ROOT / script).read_text()
