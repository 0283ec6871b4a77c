"""What an operator's file makes of the defaults: the rules in force, where each comes from, and what looks odd."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from identity.policy import policy_file as files
from identity.policy.enforcer import Enforcer, canonical
from identity.policy.rules import DEFAULTS, Rule

_REFERENCE: Final = re.compile(r"rule:([^\s()]+)")
_ALLOWS_ALL: Final = canonical("@")


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule as it is asked: `rule` carries the check in force, `place` is "default" or "file:line"."""

    rule: Rule
    place: str
    default: str | None
    """The check that the file replaced; None where nothing was replaced."""


def in_force(path: Path | None, defaults: Sequence[Rule] = DEFAULTS) -> tuple[InForce, ...]:
    """Every rule, the defaults in their order, then the file's own. Raises `SettingsError` with every mistake."""
    Enforcer(str(path) if path is not None else "", defaults)
    overrides = _overrides(path)
    known = {rule.name for rule in defaults}
    rows = [_row(rule, overrides, path) for rule in defaults]
    for name, override in overrides.items():
        if name not in known:
            rows.append(InForce(Rule(name, override.check, "A rule of the operator's own."), f"{path}:{override.line}", None))
    return tuple(rows)


def _overrides(path: Path | None) -> Mapping[str, files.Override]:
    return files.read(path).rules if path is not None else {}


def _row(rule: Rule, overrides: Mapping[str, files.Override], path: Path | None) -> InForce:
    override = overrides.get(rule.name)
    if override is None:
        return InForce(rule, "default", None)
    return InForce(Rule(rule.name, override.check, rule.doc, rule.scopes, rule.routes), f"{path}:{override.line}", rule.check)


def doubts(path: Path, defaults: Sequence[Rule] = DEFAULTS) -> list[str]:
    """What is allowed but looks odd, each beginning with `path:line`; for a file without mistakes."""
    overrides = _overrides(path)
    usual = {rule.name: rule for rule in defaults}
    texts = {rule.name: rule.check for rule in defaults} | {name: override.check for name, override in overrides.items()}
    asked = {name for text in texts.values() for name in _REFERENCE.findall(text)}
    return [
        f"{path}:{override.line}: `{name}`: {doubt}"
        for name, override in overrides.items()
        for doubt in _doubts(name, override.check, usual.get(name), asked)
    ]


def _doubts(name: str, text: str, usual: Rule | None, asked: set[str]) -> Iterator[str]:
    if usual is None:
        if name not in asked:
            yield "nothing asks for this rule" if ":" not in name else "no route asks for this rule; it changes nothing"
        return
    asks = canonical(text)
    if asks == canonical(usual.check):
        yield "the same as the default; without this line a later default would reach you"
    elif asks == _ALLOWS_ALL:
        yield "lets in everyone who has a token, whatever the roles"
