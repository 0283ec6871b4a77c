"""The gateway that these tests ask."""

from tests.support.gateway_fixtures import cloud, cloud_template, make_cloud, shared_cloud

__all__ = ["cloud", "cloud_template", "make_cloud", "shared_cloud"]
