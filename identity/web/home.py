"""JSON-Home: what is served, by relation, for clients that look resources up (draft-nottingham-json-home-03)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from identity.web.relations import EXPERIMENTAL, PARAMETERS, RELATIONS, ROOT
from identity.web.reply import encode

MEDIA_TYPE: Final = "application/json-home"
VARIABLE = re.compile(r"\{(\w+)\}")


def template(path: str) -> str:
    """A route's path as a URI template: /v3/users/<user_id> is /v3/users/{user_id} (RFC 6570)."""
    return path.replace("<", "{").replace(">", "}")


def document(paths: Iterable[str], prefix: str) -> bytes:
    """The relations of those `paths` (of declared routes); hrefs begin with `prefix`, which is /v3 at the root and "" at /v3."""
    served = {template(path).removeprefix("/v3") for path in paths}
    resources = {
        f"{ROOT}{extension}{name}": _resource(path, prefix)
        for extension, relations in RELATIONS.items()
        for name, path in relations.items()
        if path in served
    }
    return encode({"resources": resources})


def wanted(accept: str) -> bool:
    """Whether the client prefers JSON-Home to plain JSON, by its Accept field (RFC 9110, section 12.5.1)."""
    if MEDIA_TYPE not in accept:
        return False
    return parse_accept_header(accept[:1024], MIMEAccept).best_match(["application/json", MEDIA_TYPE]) == MEDIA_TYPE


def _resource(path: str, prefix: str) -> Mapping[str, Any]:
    names = VARIABLE.findall(path)
    shown: dict[str, Any] = {"href": prefix + path}
    if names:
        variables = {name: ROOT + PARAMETERS.get(name, f"param/{name}") for name in names}
        shown = {"href-template": prefix + path, "href-vars": variables}
    return {**shown, "hints": {"status": "experimental"}} if path in EXPERIMENTAL else shown
