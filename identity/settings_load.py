"""Reads settings from a file, then the environment, then the command line; the later source wins.

Depends on `identity.settings` and `identity.errors` only. Every mistake is reported at once, each with its place
and the cure; the value of a secret option is never repeated.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from .errors import SettingsError
from .settings import Settings, sections

PREFIX = "GATESTONE_"
SEARCH_PATH = (Path("gatestone.toml"), Path("/etc/gatestone/gatestone.toml"))
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_SECTIONS = {name: (cls, {f.name: f for f in options}) for name, cls, options in sections()}


class _Mistake(Exception):
    """A value that does not fit; its text follows the value's place."""


@dataclass(frozen=True)
class _Given:
    """One value as found: `text` is true where it came as a string that must still be read by the option's type."""

    section: str
    option: str
    value: Any = field(repr=False)
    place: str
    text: bool


def load(file: Path | None, environ: Mapping[str, str], overrides: Sequence[str]) -> Settings:
    """Settings from `file` < variables GATESTONE_<SECTION>__<OPTION> < overrides `section.option=value`.

    Raises `SettingsError` with every mistake in all three.
    """
    problems: list[str] = []
    values: dict[str, dict[str, Any]] = {}
    for given in chain(_from_file(file, problems), _from_environ(environ), _from_overrides(overrides, problems)):
        unknown = _unknown(given)
        if unknown:
            problems.append(f"{given.place}: {unknown}")
            continue
        option = _SECTIONS[given.section][1][given.option]
        try:
            values.setdefault(given.section, {})[given.option] = _value(option, given)
        except _Mistake as mistake:
            problems.append(f"{given.place}: {given.section}.{given.option} {mistake}")
    if problems:
        raise SettingsError(problems)
    return Settings(**{name: cls(**values.get(name, {})) for name, (cls, _) in _SECTIONS.items()})


def find(explicit: str | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: the one asked for, GATESTONE_CONFIG, or the first of ./gatestone.toml and /etc/gatestone."""
    asked = explicit or environ.get("GATESTONE_CONFIG")
    if asked:
        return Path(asked)
    return next((path for path in SEARCH_PATH if path.is_file()), None)


def _from_file(file: Path | None, problems: list[str]) -> Iterator[_Given]:
    if file is None:
        return
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        problems.append(f"{file}: cannot be read: {reason}; name another file with --config")
        return
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{file}: is not TOML: {error}")
        return
    for section, table in document.items():
        if not isinstance(table, dict):
            problems.append(f"{file}: `{section}` stands outside every section; write it below a line like [server]")
            continue
        if section not in _SECTIONS:
            problems.append(f"{file}: {_unknown(_Given(section, '', None, '', False))}")
            continue
        for option, value in table.items():
            yield _Given(section, option, value, str(file), False)


def _from_environ(environ: Mapping[str, str]) -> Iterator[_Given]:
    for name in sorted(environ):
        section, separator, option = name.removeprefix(PREFIX).partition("__")
        if name.startswith(PREFIX) and separator:
            yield _Given(section.lower(), option.lower(), environ[name], f"variable {name}", True)


def _from_overrides(overrides: Sequence[str], problems: list[str]) -> Iterator[_Given]:
    for override in overrides:
        name, equals, value = override.partition("=")
        section, dot, option = name.strip().partition(".")
        if not equals or not dot:
            problems.append(f"--set {name[:80]}: write section.option=value")
            continue
        yield _Given(section, option, value, f"--set {name.strip()}", True)


def _unknown(given: _Given) -> str:
    """What is wrong with the name, or an empty string."""
    if given.section not in _SECTIONS:
        return f"there is no section [{given.section}]" + _meant(given.section, list(_SECTIONS))
    options = _SECTIONS[given.section][1]
    if given.option in options:
        return ""
    elsewhere = [f"{name}.{given.option}" for name, (_, known) in _SECTIONS.items() if given.option in known]
    hint = f"; did you mean {elsewhere[0]}?" if elsewhere else _meant(given.option, list(options))
    return f"[{given.section}] has no option {given.option}" + hint


def _meant(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(sorted(known))}"


def _value(option: Field[Any], given: _Given) -> Any:
    """The value in its option's type and within its bounds, or `_Mistake`."""
    kind = str(option.type)
    value = _READERS[kind](given.value) if given.text else given.value
    if not _FITS[kind](value):
        shown = "" if option.metadata["secret"] else f", not {_shown(value)}"
        raise _Mistake(f"must be {_WORDS[kind]}{shown}")
    if kind == "float":
        value = float(value)
    _bounds(option, value)
    return value


def _bounds(option: Field[Any], value: Any) -> None:
    low, high, choices = (option.metadata[key] for key in ("low", "high", "choices"))
    foreign = [word for word in (value if isinstance(value, list) else [value]) if word not in choices] if choices else []
    if foreign:
        raise _Mistake(f"must be {'any' if isinstance(value, list) else 'one'} of {', '.join(choices)}, not {_shown(foreign[0])}")
    if (low is not None and value < low) or (high is not None and value > high):
        raise _Mistake(f"must be from {low} to {high}, not {_shown(value)}")
    if isinstance(value, str) and "\0" in value:
        raise _Mistake("must not hold a NUL character")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items())


def _read_int(text: str) -> Any:
    try:
        return int(text.strip())
    except ValueError:
        return text


def _read_float(text: str) -> Any:
    try:
        return float(text.strip())
    except ValueError:
        return text


def _read_bool(text: str) -> Any:
    word = text.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else text


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _read_list(text: str) -> Any:
    """A JSON array, or words between commas; an empty text is an empty list."""
    if text.lstrip().startswith("["):
        return _read_json(text)
    return [word.strip() for word in text.split(",") if word.strip()]


def _read_table(text: str) -> Any:
    """A JSON object, or `A=b,C=d`."""
    if text.lstrip().startswith("{"):
        return _read_json(text)
    pairs = [word.partition("=") for word in text.split(",") if word.strip()]
    return {k.strip(): v.strip() for k, _, v in pairs} if all(equals for _, equals, _ in pairs) else text


_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": _read_int,
    "float": _read_float,
    "bool": _read_bool,
    "list[str]": _read_list,
    "dict[str, str]": _read_table,
    "list[dict[str, str]]": _read_json,
}
_FITS: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "list[str]": lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "dict[str, str]": _is_table,
    "list[dict[str, str]]": lambda value: isinstance(value, list) and all(_is_table(item) for item in value),
}
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list[str]": "a list of texts",
    "dict[str, str]": "a table from text to text",
    "list[dict[str, str]]": "a list of tables from text to text",
}
