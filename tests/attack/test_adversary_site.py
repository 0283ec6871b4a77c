"""Names and values of a site description that other programs would read as something else."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import yaml

from identity.errors import SettingsError
from identity.manage.site import filling, reading
from identity.manage.site.description import Site

SITE = """
[site]
name = "id.example.org"
[[load_balancers]]
name = "lb01"
address = "10.20.0.11"
[[v3]]
name = "{v3}"
address = "10.20.0.31"
[[v2]]
name = "{v2}"
address = "10.20.0.41"
[[postgresql]]
name = "{db}"
address = "10.20.0.51"
[[postgresql]]
name = "{standby}"
address = "10.20.0.52"
[database]
name = "{database}"
user = "{user}"
[kerberos]
where = "gateway"
realms = {{ "{realm}" = "Default" }}
{more}
"""
HOSTS = {"v3": "v3a", "v2": "v2a", "db": "db1", "standby": "db2"}
PLAIN = {**HOSTS, "database": "g", "user": "g", "realm": "OURS.TEST", "more": ""}


def site(**values: str) -> Site:
    return reading.read(SITE.format(**{**PLAIN, **values}))


def composed(**values: str) -> Any:
    return yaml.safe_load(filling.files(site(**values), "compose")["docker-compose.yml"])


@pytest.mark.parametrize("word", ["no", "on", "y", "true", "null", "1", "01", "0x1f", "1e3", "2001-01-01"])
def test_a_name_is_text_whatever_yaml_makes_of_it(word: str) -> None:
    """A host that is called `no` is not the host False."""
    for place in HOSTS:
        services = composed(**{place: word})["services"]
        assert set(services) == {"lb01", "setup", "idp", "kdc", *{**HOSTS, place: word}.values()}
        assert services[word]["hostname"] == word
        for service in services.values():
            assert set(service.get("depends_on", ())) <= set(services)
    made = composed(database=word, user=word, realm=word)["services"]
    assert (made["db1"]["environment"]["POSTGRES_DB"], made["db1"]["environment"]["POSTGRES_USER"]) == (word, word)
    assert made["kdc"]["environment"]["REALM"] == word


@pytest.mark.parametrize("name", ["setup", "kdc", "idp", "kerberos"])
@pytest.mark.parametrize("place", ["v3", "db"])
def test_no_host_takes_the_place_of_a_container_of_ours(name: str, place: str) -> None:
    """Two of one name are one in YAML: a back end would silently not be there, or a database lie on another's volume."""
    with pytest.raises(SettingsError, match=name):
        composed(**{place: name})


def test_no_host_has_the_load_balancers_second_name_of_another() -> None:
    with pytest.raises(SettingsError, match="v3a-unwell"):
        site(v2="v3a-unwell")


@pytest.mark.parametrize(
    "value", ["2001-01-01", "07:30:00", "2001-01-01T00:00:00Z", "nan", "-inf", "[1, [nan]]", "{ a = 07:30:00 }"]
)
def test_what_is_no_setting_is_told_and_not_written(value: str) -> None:
    with pytest.raises(SettingsError, match=r"gateway\.settings\.server\.port"):
        site(more=f"[gateway.settings.server]\nport = {value}")


@pytest.mark.parametrize(
    "value", ['a"\n[x509]\nenabled = true', "\\", "{{ 7 * 7 }}", "{% raw %}", "\x85\u2028\x7f\x00", "'''", '"""']
)
def test_what_is_written_is_read_as_it_was_said(value: str) -> None:
    written = "".join(f"\\U{ord(letter):08x}" for letter in value)
    made = filling.files(site(more=f'[gateway.settings.server]\nhost = "{written}"'), "gateway")["v3a/gatestone.toml"]
    found = tomllib.loads(made)
    assert found["server"]["host"] == value and "x509" not in found
