"""Reads an operator's policy file: a YAML (or JSON) mapping from rule name to check.

The nodes are read, not the values that YAML makes of them: each mistake keeps its line, a name given twice is seen, and
an unquoted `!` (deny) is not taken for the empty string (allow).
"""

from __future__ import annotations

from collections.abc import Mapping
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


def read(path: Path) -> Mapping[str, Override]:
    """The file's rules. Raises `SettingsError` with every mistake, each beginning with `path:line`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError([f"oslo_policy.policy_file: {path}: {error.strerror}; name a file that the service may read"]) from None
    except UnicodeDecodeError as error:
        raise SettingsError([f"oslo_policy.policy_file: {path}: byte {error.start} is not UTF-8"]) from None
    return parse(text, str(path))


def parse(text: str, place: str) -> Mapping[str, Override]:
    """As `read`, from text; `place` stands before the line numbers."""
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415  # only a few installations have such a file

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError([f"{place}:{line}: not YAML: {error.problem}"]) from None
    except yaml.YAMLError as error:
        raise SettingsError([f"{place}: not YAML: {error}"]) from None
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise SettingsError([f"{place}:{root.start_mark.line + 1}: not a mapping from rule name to check"])
    found: dict[str, Override] = {}
    problems: list[str] = []
    for key, value in root.value:
        line = key.start_mark.line + 1
        problem = _problem(key, value)
        if problem is None and key.value in found:
            problem = f"`{key.value}` was already given on line {found[key.value].line}"
        if problem is None:
            found[key.value] = Override(value.value, line)
        else:
            problems.append(f"{place}:{line}: {problem}")
    if problems:
        raise SettingsError(problems)
    return found


def _problem(key: Any, value: Any) -> str | None:
    if key.tag != _TEXT or not isinstance(key.value, str) or not key.value:
        return "a rule's name is text"
    if value.tag != _TEXT:
        return f'the check of `{key.value}` is not text; write it in quotes ("!" refuses everyone, "" allows everyone)'
    return None
