"""The catalogue as version 2.0 writes it, and one stored catalogue for pools of different versions."""

from __future__ import annotations

import pytest

from catalog.legacy import shown
from catalog.versioned import lead_to
from identity.model.catalog import Endpoint, Service

VALUES = {"project_id": "web", "tenant_id": "web", "user_id": "member"}


def service(*endpoints: Endpoint, type: str = "compute", name: str = "nova") -> Service:
    return Service("s", type, name, endpoints)


def test_the_urls_of_one_region_are_one_endpoint():
    made = shown(
        [
            service(
                Endpoint("i", "internal", "One", "https://i/$(tenant_id)s"),
                Endpoint("p", "public", "One", "https://p/$(project_id)s"),
                Endpoint("a", "admin", "One", "https://a"),
                Endpoint("q", "public", "Two", "https://q"),
            )
        ],
        VALUES,
    )
    one = {"id": "p", "region": "One", "publicURL": "https://p/web", "internalURL": "https://i/web", "adminURL": "https://a"}
    two = {"id": "q", "region": "Two", "publicURL": "https://q"}
    assert made == [{"endpoints": [one, two], "endpoints_links": [], "type": "compute", "name": "nova"}]


def test_without_a_public_url_there_is_an_empty_one():
    """Clients of old read `publicURL` without looking whether it is there."""
    (made,) = shown([service(Endpoint("i", "internal", None, "https://i"))], VALUES)
    assert made["endpoints"] == [{"id": "i", "region": None, "publicURL": "", "internalURL": "https://i"}]


@pytest.mark.parametrize("url", ["https://x/$(port)s", "https://x/%s", "https://x/$(project_id"])
def test_a_url_that_cannot_be_filled_in_is_left_out_and_so_is_a_service_without_any(url: str):
    bad = Endpoint("b", "public", "One", url)
    assert shown([service(bad), service()], VALUES) == []
    (made,) = shown([service(bad, Endpoint("g", "admin", "One", "https://g"))], VALUES)
    assert made["endpoints"] == [{"id": "g", "region": "One", "publicURL": "", "adminURL": "https://g"}]


@pytest.mark.parametrize("version", ["v3", "v2.0"])
@pytest.mark.parametrize("stored", ["", "/", "/v3", "/v3/", "/v2.0", "/v2.0/"])
def test_the_identity_service_leads_to_the_pools_version(stored: str, version: str):
    (led,) = lead_to([service(Endpoint("e", "public", "One", f"https://id/main{stored}"), type="identity")], version)
    assert [endpoint.url for endpoint in led.endpoints] == [f"https://id/main/{version}"]


def test_other_services_keep_their_urls():
    before = (service(Endpoint("e", "public", "One", "https://x/v3"), Endpoint("f", "admin", "One", "https://x/v2.0/")),)
    assert lead_to(before, "v2.0") == before
