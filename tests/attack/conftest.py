"""The gateway that the attacks on the API ask."""

from tests.support.gateway_fixtures import cloud, cloud_template, make_cloud, shared_cloud

__all__ = ["cloud", "cloud_template", "make_cloud", "shared_cloud"]
