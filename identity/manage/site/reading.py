"""Reads a site description; every mistake is told at once, each with its place and the cure."""

from __future__ import annotations

import difflib
import tomllib
import typing
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import fields

from ...errors import SettingsError
from .agreement import mistakes
from .description import FORMS, Site


def load(file: Path) -> Site:
    """The site of a TOML file. Raises `SettingsError` with every mistake."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError([f"{file}: cannot be read: {reason}; name another file with --site"]) from None
    return read(text, str(file))


def read(text: str, place: str = "site.toml") -> Site:
    """The same of a text. Raises `SettingsError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{place}: is not TOML: {error}"]) from None
    problems: list[str] = []
    site = _struct(Site, document, "", problems)
    if site is not None:
        problems += mistakes(site)
    if problems or site is None:
        raise SettingsError([f"{place}: {problem}" for problem in problems])
    made: Site = site
    return made


def _struct(cls: type[msgspec.Struct], table: Any, place: str, problems: list[str]) -> Any:
    """An instance, or None where something was wrong: then it stands in `problems`."""
    if not isinstance(table, dict):
        problems.append(f"{place}: must be a table, such as [{place}]")
        return None
    before = len(problems)
    known = {one.name: one for one in fields(cls)}
    for key in table:
        if key not in known:
            problems.append(f"{_join(place, key)}: there is no such key{_meant(key, list(known))}")
    values = {}
    for name, one in known.items():
        if name in table:
            values[name] = _value(one.type, table[name], _join(place, name), problems)
        elif one.required:
            problems.append(f"{_join(place, name)}: is needed")
    return cls(**values) if len(problems) == before else None


def _value(kind: Any, value: Any, place: str, problems: list[str]) -> Any:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(kind, value, place, problems)
    inner = typing.get_args(kind)[0] if typing.get_origin(kind) is list else None
    if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
        if not isinstance(value, list):
            problems.append(f"{place}: must be a list of tables, such as [[{place}]]")
            return None
        return [_struct(inner, entry, f"{place}[{number}]", problems) for number, entry in enumerate(value, 1)]
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problems.append(f"{place}: {_told(str(error))}")
        return None


def _told(message: str) -> str:
    """msgspec's words, with our own for a pattern."""
    for pattern, words in FORMS.values():
        if repr(pattern) in message:
            return f"must be {words}"
    return message[0].lower() + message[1:].replace("`", "")


def _join(place: str, key: str) -> str:
    shown = key if key.isidentifier() else repr(key)[:80]
    return f"{place}.{shown}" if place else shown


def _meant(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key.lower(), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"
