"""How version 2.0 describes itself in the list of versions, which is served without it, too."""

from __future__ import annotations

from typing import Any, Final

MEDIA_TYPE: Final = "application/vnd.openstack.identity-v2.0+json"


def version_document(base: str) -> dict[str, Any]:
    """Version 2.0 as Keystone described it; `base` carries the face's prefix, for clients log in at this link."""
    return {
        "id": "v2.0",
        "status": "deprecated",
        "updated": "2016-08-04T00:00:00Z",
        "links": [
            {"rel": "self", "href": f"{base}/v2.0/"},
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
        ],
        "media-types": [{"base": "application/json", "type": MEDIA_TYPE}],
    }
