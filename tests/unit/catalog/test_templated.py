"""The template file: what it means, and what is said of a mistake."""

import os

import pytest

from catalog.templated import TemplatedCatalog, parse
from identity.errors import SettingsError

GOOD = """\
# the services of two regions

catalog.RegionOne.identity.publicURL = https://id.example/main/v3
catalog.RegionOne.identity.name = Identity = our own
catalog.RegionOne.compute.publicURL=https://nova.example/v2.1/$(project_id)s
catalog.RegionOne.compute.internalURL = http://nova.internal/v2.1/%(tenant_id)s
catalog.RegionOne.compute.name = nova
catalog.Region.Two.compute.adminURL = http://nova.two/v2.1
catalog.Region.Two.compute.name = nova
"""


def test_reads_services_in_the_order_of_the_file():
    identity, compute = parse(GOOD, "f")
    assert (identity.type, identity.name) == ("identity", "Identity = our own")
    assert [(e.interface, e.region_id, e.url) for e in compute.endpoints] == [
        ("public", "RegionOne", "https://nova.example/v2.1/$(project_id)s"),
        ("internal", "RegionOne", "http://nova.internal/v2.1/%(tenant_id)s"),
        ("admin", "Region.Two", "http://nova.two/v2.1"),
    ]


def test_ids_are_stable_and_apart():
    before = parse(GOOD, "f")
    after = parse(GOOD.replace("https://nova.example", "https://elsewhere"), "g")
    ids = [service.id for service in before] + [e.id for service in before for e in service.endpoints]
    assert ids == [service.id for service in after] + [e.id for service in after for e in service.endpoints]
    assert len(set(ids)) == len(ids) == 6
    assert all(len(id) == 32 and set(id) <= set("0123456789abcdef") for id in ids)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("publicURL http://a", "not of the form"),
        ("catalog.identity.publicURL = http://a", "not of the form"),
        ("catalog..identity.publicURL = http://a", "not of the form"),
        ("cataloge.R.identity.publicURL = http://a", "not of the form"),
        ("catalog.R.identity.publicUrl = http://a", "did you mean `publicURL`?"),
        ("catalog.R.identity.colour = red", "known are publicURL"),
        ("catalog.R.identity.publicURL =", "has no value"),
        ("catalog.R.identity.publicURL = http://a:$(public_port)s", "unknown name `public_port`"),
        ("catalog.R.identity.publicURL = http://a/%20", "percent sign"),
        ("catalog.RegionOne.compute.name = again", "already given on line 7"),
    ],
)
def test_tells_the_line_of_a_mistake(line, said):
    with pytest.raises(SettingsError) as caught:
        parse(GOOD + line + "\n", "catalog.templates")
    (problem,) = caught.value.problems
    assert problem.startswith("catalog.templates:10: ")
    assert said in problem


def test_tells_every_mistake_at_once():
    with pytest.raises(SettingsError) as caught:
        parse("one\n\ncatalog.R.t.x = 1\ncatalog.R.t.publicURL =", "f")
    assert [problem.split(" ")[0] for problem in caught.value.problems] == ["f:1:", "f:3:", "f:4:"]


def test_a_missing_or_binary_file(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        TemplatedCatalog(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"catalog.\xff")
    with pytest.raises(SettingsError, match="byte 8 is not UTF-8"):
        TemplatedCatalog(tmp_path / "binary")


def test_reads_again_when_the_file_changes_and_keeps_the_last_good(tmp_path, caplog):
    file = tmp_path / "catalog.templates"
    file.write_text(GOOD)
    source = TemplatedCatalog(file)
    first = source.version()
    assert source.services() is source.services()
    _replace(file, "catalog.R.image.publicURL = http://glance\n")
    assert source.version() != first
    assert [service.type for service in source.services()] == ["image"]
    _replace(file, "nonsense\n")
    assert [service.type for service in source.services()] == ["image"]
    assert [service.type for service in source.services()] == ["image"]
    assert len([r for r in caplog.records if f"{file}:1: not of the form" in r.getMessage()]) == 1
    file.unlink()
    assert [service.type for service in source.services()] == ["image"]
    _replace(file, GOOD)
    assert [service.type for service in source.services()] == ["identity", "compute"]


def _replace(file, text):
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, file)
