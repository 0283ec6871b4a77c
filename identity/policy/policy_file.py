"""Reads an operator's policy file: a YAML (or JSON) mapping from rule name to check.

The nodes are read, not the values that YAML makes of them: each mistake keeps its line, a name given twice is seen, and
an unquoted `!` (deny) is not taken for the empty string (allow).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from identity.errors import SettingsError

_TEXT: Final = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True)
class Override:
    """A check as the operator wrote it, and the line of its name."""

    check: str
    line: int


@dataclass(frozen=True, slots=True)
class Contents:
    """The rules of a file, and what was wrong with its entries: (line, clause). A spoilt check stands as a refusal."""

    rules: Mapping[str, Override]
    problems: Sequence[tuple[int, str]]


def read(path: Path) -> Contents:
    """The file's rules. Raises `SettingsError` where it cannot be read, or is no mapping at all."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError([f"oslo_policy.policy_file: {path}: {error.strerror}; name a file that the service may read"]) from None
    except UnicodeDecodeError as error:
        raise SettingsError([f"oslo_policy.policy_file: {path}: byte {error.start} is not UTF-8"]) from None
    return parse(text, str(path))


def parse(text: str, place: str) -> Contents:
    """As `read`, from text; `place` stands before the line numbers."""
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415  # only a few installations have such a file

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError([f"{place}:{line}: not YAML: {error.problem}"]) from None
    except yaml.YAMLError as error:
        raise SettingsError([f"{place}: not YAML: {error}"]) from None
    except RecursionError:
        raise SettingsError([f"{place}: nested too deeply"]) from None
    if root is None:
        return Contents({}, ())
    if not isinstance(root, yaml.MappingNode):
        raise SettingsError([f"{place}:{root.start_mark.line + 1}: not a mapping from rule name to check"])
    found: dict[str, Override] = {}
    problems: list[tuple[int, str]] = []
    for key, value in root.value:
        line = key.start_mark.line + 1
        problem = _problem(key, value, found)
        if problem is not None:
            problems.append((line, problem))
        if _is_name(key) and key.value not in found:
            found[key.value] = Override(value.value if value.tag == _TEXT else "!", line)
    return Contents(found, problems)


def _is_name(key: Any) -> bool:
    return key.tag == _TEXT and isinstance(key.value, str) and bool(key.value)


def _problem(key: Any, value: Any, found: Mapping[str, Override]) -> str | None:
    if not _is_name(key):
        return "a rule's name is text"
    if value.tag != _TEXT:
        return f'the check of `{key.value}` is not text; write it in quotes ("!" refuses everyone, "" allows everyone)'
    if key.value in found:
        return f"`{key.value}` was already given on line {found[key.value].line}"
    return None
