"""The OpenAPI 3.1 document, made of the route declarations: what is not declared is neither served nor described."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from werkzeug.http import HTTP_STATUS_CODES

from identity import __version__
from identity.model.listing import COMPARATORS
from identity.web.home import VARIABLE, template
from identity.web.route import PUBLIC, Route

SCHEMAS: Final = "#/components/schemas/"
JSON: Final = "application/json"
ABOUT: Final = (
    "The OpenStack Identity API, as Gatestone serves it. HEAD is answered wherever GET is. A list takes `limit` and `marker`; "
    "a cut one says `truncated`, and where it goes on (`links.next`, and `next` for clients that look there)."
)
PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "title"],
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}, "title": {"type": "string"}},
        }
    },
}
SUBJECT: Final = {"name": "X-Subject-Token", "in": "header", "required": True, "schema": {"type": "string"}}
PAGING: Final = (
    ("sort_key", "An attribute to sort by; `name:desc` sorts downwards. May be repeated, or list several with commas.", "string"),
    ("sort_dir", "asc or desc, for the sort_key in the same place.", "string"),
    ("limit", "The most entries wanted.", "integer"),
    ("marker", "The id of the last entry of the page before.", "string"),
)
# What the edge or the database may answer to anything, and what every guarded route and every body brings along.
ALWAYS: Final = (400, 503)
GUARDED: Final = (401, 403)
WITH_BODY: Final = (400, 413)


def document(routes: Iterable[Route], payloads: Mapping[str, Any], base: str) -> dict[str, Any]:
    """The description of `routes` under the URL `base`; `payloads` are the shapes of the log-in methods, by name."""
    declared = sorted({(route.path, route.method): route for route in routes}.items())
    types = [kind for _, route in declared for kind in (route.body, route.reply) if kind is not None]
    schemas, components = msgspec.json.schema_components([*types, *payloads.values()], ref_template=SCHEMAS + "{name}")
    by_type = dict(zip(map(id, [*types, *payloads.values()]), schemas, strict=True))
    components["Problem"] = dict(PROBLEM)
    if "AuthShape" in components:
        components["AuthShape"]["properties"]["identity"] = _methods({name: by_type[id(kind)] for name, kind in payloads.items()})
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), route in declared:
        paths.setdefault(template(path), {})[method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Gatestone", "version": __version__, "description": ABOUT},
        "servers": [{"url": base}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
        },
    }


def _operation(route: Route, by_type: Mapping[int, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [route.handler.__module__.rpartition(".")[2]],
        "x-policy": route.policy,
        "parameters": _parameters(route),
        "responses": _responses(route, by_type),
        "security": [] if route.policy == PUBLIC else [{"token": []}],
    }
    told = inspect.getdoc(route.handler)
    if told:
        about["description"] = told
    if route.body is not None:
        about["requestBody"] = {"required": True, "content": {JSON: {"schema": by_type[id(route.body)]}}}
    return about


def operation_id(route: Route) -> str:
    """Unique and lasting: the method and the path in words."""
    return "_".join([route.method.lower(), *re.findall(r"\w+", route.path.removeprefix("/v3/"))])


def _parameters(route: Route) -> list[dict[str, Any]]:
    path = template(route.path)
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in VARIABLE.findall(path)
    ]
    if path == "/v3/auth/tokens" and route.method != "POST":
        found.append(dict(SUBJECT))
    for name in route.filters or ():
        how = f"Equal to this; also with __{', __'.join(COMPARATORS)} after the name."
        found.append({"name": name, "in": "query", "description": how, "schema": {"type": "string"}})
    found += [{"name": name, "in": "query", "schema": {"type": "string"}, "allowEmptyValue": True} for name in route.query]
    if route.filters is not None:
        for name, how, kind in PAGING:
            schema: dict[str, Any] = {"type": kind, "minimum": 1} if kind == "integer" else {"type": kind}
            found.append({"name": name, "in": "query", "description": how, "schema": schema})
    return found


def _responses(route: Route, by_type: Mapping[int, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": HTTP_STATUS_CODES[route.status]}
    if route.reply is not None:
        success["content"] = {JSON: {"schema": by_type[id(route.reply)]}}
    problem = {JSON: {"schema": {"$ref": f"{SCHEMAS}Problem"}}}
    statuses: Sequence[int] = sorted({*route.errors, *ALWAYS, *_implied(route)} - {route.status})
    others = {
        str(status): {"description": HTTP_STATUS_CODES[status], "content": problem if status >= 400 else success.get("content", {})}
        for status in statuses
    }
    return {str(route.status): success, **others}


def _implied(route: Route) -> tuple[int, ...]:
    return (GUARDED if route.policy != PUBLIC else ()) + (WITH_BODY if route.body is not None else ())


def _methods(shapes: Mapping[str, Any]) -> dict[str, Any]:
    """{"methods": [...], "<method>": {...}}: which methods there are is a matter of the configuration."""
    methods = {"type": "array", "items": {"type": "string", "enum": sorted(shapes)}}
    return {"type": "object", "required": ["methods"], "properties": {"methods": methods, **shapes}}
