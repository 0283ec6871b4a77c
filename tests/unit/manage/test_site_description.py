"""`site.toml`: what it may say, how mistakes are told, and that nothing in it leaves its place in what is rendered."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from identity.errors import SettingsError
from identity.manage import main
from identity.manage.site import filling, gateway, reading
from identity.settings_load import load

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = (ROOT / "docs" / "examples" / "site.toml").read_text()
SMALL = """
[site]
name = "id.example.org"
[[load_balancers]]
name = "lb01"
address = "192.0.2.11"
[[v3]]
name = "v3a"
address = "192.0.2.31"
[[postgresql]]
name = "db01"
address = "192.0.2.51"
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(SettingsError) as told:
        reading.read(text)
    return list(told.value.problems)


def test_the_same_description_gives_the_same_bytes() -> None:
    for kind in filling.KINDS:
        assert filling.files(reading.read(EXAMPLE), kind) == filling.files(reading.read(EXAMPLE), kind)


def test_every_host_has_its_settings_and_they_are_valid(tmp_path: Path) -> None:
    made = filling.files(reading.read(EXAMPLE), "gateway")
    assert set(made) == {f"{name}/gatestone.toml" for name in ("v3a", "v3b", "v3c", "v3d", "v2a", "v2b", "v2c", "x1")}
    for text in made.values():
        (tmp_path / "gatestone.toml").write_text(text)
        assert load(tmp_path / "gatestone.toml", {}, []).server.public_urls[0] == "https://id.example.org"
    for name, apis, version in (("v3a", ["v3"], "v3"), ("v2a", ["v2.0"], "v2.0")):
        found = gateway.members(reading.read(EXAMPLE))[name]
        assert (found["server"]["apis"], found["catalog"]["identity_version"]) == (apis, version)
        assert found["server"]["remote_user_header"] == "" and found["server"]["trusted_hops"] == ["10.20.0.11", "10.20.0.12"]
        assert set(found["server"]["allowed_peers"]) >= {"10.20.0.11", "10.20.0.12"}


def test_a_pool_may_have_its_catalogue_in_a_file() -> None:
    site = reading.read(SMALL + '[catalog]\nv3 = "/etc/gatestone/v3.templates"\n')
    assert gateway.members(site)["v3a"]["catalog"] == {"driver": "templated", "template_file": "/etc/gatestone/v3.templates"}


def test_all_servers_of_the_database_are_in_one_url() -> None:
    url = gateway.connection(reading.read(EXAMPLE), "v3a")
    assert "host=10.20.0.51:5432&host=10.20.0.52:5432" in url and "target_session_attrs=read-write" in url


def test_all_mistakes_are_told_at_once_with_their_place() -> None:
    told = mistakes("""
[site]
name = "id.example.org"
prot = 443
[[load_balancers]]
name = "lb01"
address = "192.0.2.11"
[[v3]]
name = "lb01"
address = "not an address"
port = 70000
[tls]
ca = "relative"
[limits]
exempt = ["nobody"]
""")
    assert len(told) >= 4
    for part in ("site.prot", "did you mean port?", "v3[1].address", "v3[1].port", "tls.ca", "an absolute path"):
        assert any(part in problem for problem in told), (part, told)


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ("", None),
        ('[limits]\nexempt = ["nobody"]', "limits.exempt"),
        ('[[v2]]\nname = "v3a"\naddress = "192.0.2.41"', "v3a is also a host in v3"),
        ('[[v3]]\nname = "v3b"\naddress = "192.0.2.31"', "both use port 5000"),
        ('[[v2]]\nname = "v2a"\naddress = "2001:db8::41"', "mix IPv4 and IPv6"),
        ('[[x509]]\nname = "x1"\naddress = "192.0.2.21"', "certificates.rules"),
        ('[kerberos]\nwhere = "apache"\nrealms = {"A.B" = "Default"}', "apache.v3 = true"),
        ('[kerberos]\nwhere = "gateway"', "kerberos.realms"),
        ('[federation]\nmodule = "shib"', "apache.v3 = true"),
        ('[database]\nconnection = "sqlite://"', "one of the two"),
        ("[gateway.settings.nowhere]\na = 1", "no section"),
        ("[gateway.settings.server]\nnothing = 1", "no option"),
        ('[compose]\nsubnet = "x"', "compose.subnet"),
    ],
)
def test_parts_that_disagree_are_told(more: str, part: str | None) -> None:
    if part is None:
        assert reading.read(SMALL)
    else:
        assert any(part in problem for problem in mistakes(SMALL + more)), mistakes(SMALL + more)


@pytest.mark.parametrize("name", ["id.example.org\\n    bind *:1", "a b", "a;b", "A.example", "a\\u0000", "", "-a", "a" * 300])
def test_a_name_is_a_name(name: str) -> None:
    assert mistakes(SMALL.replace("id.example.org", name))


@given(st.sampled_from(["tls.ca", "tls.site_pem", "paths.run", "kerberos.keytab", "catalog.v3"]), st.text(min_size=1, max_size=30))
def test_no_value_leaves_its_word(key: str, text: str) -> None:
    """Whatever a path holds: it is refused, or has no blank, quote, newline or other end of a word in any of the files."""
    table, _, name = key.partition(".")
    quoted = '"' + "".join(f"\\U{ord(one):08x}" for one in text if not 0xD800 <= ord(one) < 0xE000) + '"'
    try:
        site = reading.read(f"{SMALL}\n[{table}]\n{name} = {quoted}\n")
    except SettingsError:
        return
    value = getattr(getattr(site, table), name)
    assert value == "" or (value.startswith("/") and not set(value) & set(" \t\r\n\"'`\\$;#%&|<>(),"))


def test_the_command_prints_one_file_and_writes_many(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(EXAMPLE)
    runner = CliRunner()
    one = runner.invoke(main, ["render", "haproxy", "--site", str(file), "--host", "lb02"])
    assert one.exit_code == 0 and "localpeer lb02" in one.output
    many = runner.invoke(main, ["render", "haproxy", "--site", str(file)])
    assert many.exit_code == 2 and "name one with --host" in many.output
    done = runner.invoke(main, ["render", "all", "--site", str(file), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"lb01", "lb02", "v3a", "x1", "docker-compose.yml"}


def test_a_site_that_cannot_be_containers_has_its_other_files(tmp_path: Path) -> None:
    file, out = tmp_path / "site.toml", tmp_path / "out"
    file.write_text(EXAMPLE.replace('where = "gateway"', 'where = "apache"') + "\n[apache]\nv3 = true\n")
    runner = CliRunner()
    done = runner.invoke(main, ["render", "all", "--site", str(file), "--out", str(out)])
    assert done.exit_code == 0 and "no docker-compose.yml: apache:" in done.stderr
    assert {path.name for path in out.iterdir()} >= {"lb01", "v3a", "x1"} and not (out / "docker-compose.yml").exists()
    one = runner.invoke(main, ["render", "all", "--site", str(file), "--host", "lb01"])
    assert one.exit_code == 0 and "localpeer lb01" in one.output and "docker-compose" not in one.output
    nobody = runner.invoke(main, ["render", "all", "--site", str(file), "--host", "nobody"])
    assert nobody.exit_code == 1 and "known are" in nobody.output


def test_what_cannot_be_containers_is_told(tmp_path: Path) -> None:
    site = reading.read(EXAMPLE.replace('address = "10.20.0.51"', 'address = "10.21.0.51"') + "\n[apache]\nx509 = true\n")
    with pytest.raises(SettingsError) as told:
        filling.files(site, "compose")
    assert any("not in compose.subnet" in one for one in told.value.problems)
    assert any(one.startswith("apache:") for one in told.value.problems)
