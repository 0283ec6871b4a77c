"""The OpenAPI document as a page: plain HTML without scripts, so that it shows under the strictest content policy."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from identity.web.openapi import SCHEMAS

# Nothing is loaded and nothing runs; the one style sheet is the page's own (Content Security Policy, level 3).
HEADERS: Final = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
)
STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1.5rem;color:#1c2330;background:#fff}
h2{margin:2.2rem 0 .4rem;border-bottom:2px solid #d5dbe5;text-transform:capitalize}
details{border:1px solid #d5dbe5;border-radius:6px;margin:.35rem 0;background:#fafbfd}
summary{cursor:pointer;padding:.45rem .7rem;display:flex;gap:.7rem;flex-wrap:wrap;align-items:baseline}
details>div{padding:.2rem .9rem .8rem}code,pre{font:.87em ui-monospace,monospace}
pre{background:#eef1f6;padding:.6rem;border-radius:4px;overflow:auto}
b.m{min-width:4.2rem;text-align:center;color:#fff;border-radius:4px;font-size:.75rem;padding:.15rem .3rem;background:#5b6577}
b.get{background:#1f6f5c}b.post{background:#27589b}b.patch,b.put{background:#8a5a12}b.delete{background:#a02f2f}
table{border-collapse:collapse}td,th{border:1px solid #d5dbe5;padding:.2rem .6rem;text-align:left;vertical-align:top}
nav a{margin-right:.8rem;white-space:nowrap}.quiet{color:#5b6577}
@media(prefers-color-scheme:dark){body{background:#141a24;color:#dde3ee}details{background:#1a2230;border-color:#334}
pre{background:#202a3a}a{color:#8ab4f8}td,th,h2{border-color:#334}.quiet{color:#9aa5b8}}
"""


def render(document: Mapping[str, Any]) -> str:
    """The page, whole."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(path, method, operation, document))
    names = sorted(groups)
    title = f"{document['info']['title']} {document['info']['version']}"
    links = " ".join(f'<a href="#{name}">{name.replace("_", " ")}</a>' for name in names)
    parts = "".join(f'<h2 id="{name}">{name.replace("_", " ")}</h2>{"".join(groups[name])}' for name in names)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body><h1>{_text(title)}</h1>"
        f"<p>{_text(document['info']['description'])} Base URL: <code>{_text(document['servers'][0]['url'])}</code>. "
        f'As data: <a href="openapi.json">openapi.json</a>.</p><nav>{links}</nav>{parts}</body></html>'
    )


def _operation(path: str, method: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    body = operation.get("requestBody")
    answers = "".join(_answer(status, answer, document) for status, answer in operation["responses"].items())
    return (
        f'<details id="{operation["operationId"]}"><summary><b class="m {method}">{method.upper()}</b><code>{_text(path)}</code>'
        f'<span class="quiet">{_text(operation["summary"])}</span></summary><div>'
        f"<p>{_text(operation.get('description', ''))}</p><p class='quiet'>Policy: <code>{_text(operation['x-policy'])}</code></p>"
        f"{_parameters(operation['parameters'])}"
        f"{'<h4>Body</h4>' + _content(body, document) if body else ''}<h4>Answers</h4>{answers}</div></details>"
    )


def _parameters(parameters: Iterable[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{_text(p['name'])}</code></td><td>{p['in']}</td><td>{_text(p.get('description', ''))}</td></tr>"
        for p in parameters
    )
    return f"<table><tr><th>Parameter</th><th>In</th><th></th></tr>{rows}</table>" if rows else ""


def _answer(status: str, answer: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    shown = _content(answer, document) if int(status) < 400 and "content" in answer else ""
    return f"<p><b>{status}</b> {_text(answer['description'])}</p>{shown}"


def _content(holder: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    schema = next(iter(holder["content"].values()))["schema"]
    return f"<pre>{_text(json.dumps(_example(schema, document, 0), indent=2))}</pre>"


def _example(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> Any:
    """The shape in the form of a JSON value: names of types where values would stand."""
    if depth > 8:
        return "..."
    if "$ref" in schema:
        found = document["components"]["schemas"][schema["$ref"].removeprefix(SCHEMAS)]
        return _example(found, document, depth + 1)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            shown = [_example(part, document, depth + 1) for part in schema[choice]]
            return next((part for part in shown if not isinstance(part, str)), " | ".join(map(str, shown)))
    if "properties" in schema:
        return {name: _example(part, document, depth + 1) for name, part in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_example(schema.get("items", {}), document, depth + 1)]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    return schema.get("type", "any")


def _text(value: str) -> str:
    return html.escape(value, quote=True)
