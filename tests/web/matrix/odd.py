"""Values that make programs stumble: as text for paths and queries, and as JSON for bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, get_args

import msgspec

# In the path and in the query, percent-encoded as they would come.
TEXTS: Final = {
    "sql": "%27%20OR%201%3D1%20--",
    "sql comment": "x%27%3B%20DROP%20TABLE%20project%3B%20--",
    "like": "%25%5F%25",
    "format": "%25s%25n%25(x)d",
    "braces": "%7B0.__class__%7D%24%7Bx%7D",
    "template": "%7B%7B7*7%7D%7D",
    "nul": "a%00b",
    "line end": "a%0D%0AX-Evil:%20y",
    "surrogate": "%ED%A0%80",
    "not utf-8": "%FF%FE",
    "overlong": "%C0%AF",
    "cyrillic": "%D0%B0dmin",
    "full width": "%EF%BD%81dmin",
    "right to left": "%E2%80%AEnimda",
    "combining": "e%CC%81",
    "beyond the plane": "%F0%9F%92%A9",
    "space": "%20",
    "dots": "%2E%2E%2E",
    "number": "99999999999999999999999",
    "negative": "-1",
    "null": "null",
    "long": "x" * 65,
    "longer": "x" * 256,
    "longest": "%C3%A9" * 1000,
    "json": "%7B%22a%22%3A1%7D",
    "slash": "a%2Fb",
    "empty quote": "%22%22",
}

# In bodies, as JSON: the escapes are the parser's business too.
JSONS: Final = (
    *(
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "2147483648",
        "9223372036854775808",
        "1" + "0" * 400,
        "1e308",
        "[]",
        "{}",
        "[null]",
        "[[]]",
    ),
    *('""', '" "', '"\\u0000"', '"\\ud800"', '"\\udfff\\ud800"', '"a\\r\\nb"', '"\\u202e"', '"\\u0430dmin"', '"\\ud83d\\udca9"'),
    *('"\' OR 1=1 --"', '"%s%n%(x)d"', '"{0.__class__}"', json.dumps("x" * 65), json.dumps("é" * 256), json.dumps("x" * 70000)),
    *('{"id": null}', '{"a": {"$ne": 1}}', '[{"id": "none"}]', '{"\\u0000": 1}', '{"\\ud800": 1}', "[" * 60 + "]" * 60),
)
HOLE: Final = "a-hole-to-fill"


def members(shape: Any) -> Iterator[tuple[str, ...]]:
    """The way to each member of a body's type, outermost first; what is in a list is reached by "0"."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        for field in msgspec.structs.fields(shape):
            yield (field.encode_name,)
            yield from ((field.encode_name, *rest) for rest in members(field.type))
        return
    for part in get_args(shape):
        if part is not shape and not isinstance(part, msgspec.Meta):
            inside = getattr(shape, "__origin__", None) is list
            yield from (("0", *rest) if inside else rest for rest in members(part))


def with_hole(body: Any, way: tuple[str, ...]) -> Any:
    """A copy of the body with the hole at the end of the way; what is missing on the way is made."""
    if not way:
        return HOLE
    name, rest = way[0], way[1:]
    if name == "0":
        first = body[0] if isinstance(body, list) and body else {}
        return [with_hole(first, rest)]
    held = body if isinstance(body, dict) else {}
    return {**held, name: with_hole(held.get(name), rest)}
