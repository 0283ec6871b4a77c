"""A domain's own options: what may be set, what is sealed, and the whole with its secrets for who opens its directory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from ..errors import Forbidden, NotFound
from ..model.domain_config import DomainOption
from ..store import domain_config as stored
from ..tokens.vault import Vault
from .domain_options import DEFAULTS, SECRET

Config = dict[str, dict[str, Any]]
"""{group: {option: value}}."""

REFERENCE: Final = re.compile(r"%(?:\((?P<name>\w+)\)s|%)")


def check(group: str | None, option: str | None = None, *, shown: bool = False) -> None:
    """Raises `Forbidden` for a group or option that no domain may have of its own; `shown`: nor one that is a secret."""
    if group is None:
        return
    if group not in DEFAULTS:
        raise Forbidden(f"There are no options of the group {group[:64]} for single domains.")
    if option is None or option in DEFAULTS[group] or (not shown and option in SECRET.get(group, ())):
        return
    raise Forbidden(f"The option {option[:64]} of the group {group} cannot be {'shown' if shown else 'set'} for single domains.")


def default(group: str | None = None, option: str | None = None) -> Mapping[str, Any]:
    """What holds for a domain without options of its own: all, or of one group, or of one option without its group around it."""
    check(group, option, shown=True)
    if group is None:
        return DEFAULTS
    return {option: DEFAULTS[group][option]} if option is not None else {group: DEFAULTS[group]}


def show(db: Connection, domain_id: str, group: str | None = None, option: str | None = None) -> Mapping[str, Any]:
    """The domain's options without its secrets, in the form of `default`. Raises `NotFound` where it has none. One query."""
    check(group, option)
    found = _as_config(stored.load(db, domain_id))
    if group is not None:
        found = {group: found[group]} if group in found else {}
    if option is not None:
        found = {group: {option: found[group][option]}} if group in found and option in found[group] else {}
    if not found:
        raise _unset(domain_id, group, option)
    return found[group] if option is not None and group is not None else found


def replace(tx: Connection, vault: Vault, domain_id: str, wanted: Mapping[str, Any]) -> tuple[Config, bool]:
    """Let these be all of the domain's options; gives them without secrets, and whether it had none before."""
    options = _options(vault, wanted)
    fresh = stored.clear(tx, domain_id) == 0
    stored.put(tx, domain_id, options)
    return _as_config(options), fresh


def merge(
    tx: Connection, vault: Vault, domain_id: str, wanted: Mapping[str, Any], group: str | None = None, option: str | None = None
) -> Config:
    """Set these options and leave the others; gives all of the domain's without its secrets.

    With `group` and `option`, just that is set, in the form of `default`, and must have been set before: else `NotFound`.
    """
    check(group, option)
    if group is not None and option is not None:
        wanted = {group: dict(wanted)}
    options = _options(vault, wanted)
    if group is not None:
        if list(wanted) != [group] or (option is not None and list(wanted[group]) != [option]):
            raise Forbidden("The body must set what the URL names, and nothing else.")
        if not _has(stored.load(tx, domain_id), group, option):
            raise _unset(domain_id, group, option)
    stored.put(tx, domain_id, options)
    return _as_config(stored.load(tx, domain_id))


def remove(tx: Connection, domain_id: str, group: str | None = None, option: str | None = None) -> None:
    """Drop the domain's options, or those of a group, or one. Raises `NotFound` for a group or an option that is not set."""
    check(group, option)
    if stored.clear(tx, domain_id, group, option) == 0 and group is not None:
        raise _unset(domain_id, group, option)


def complete(db: Connection, vault: Vault, domain_id: str) -> Config:
    """The domain's options with its secrets, references to these resolved. Not for an answer of the API. One query.

    A value that refers to a secret which is not set, or has another form of reference in it, is left as it is.
    """
    options = stored.load(db, domain_id)
    secrets = {option.name: _open(vault, option.sealed) for option in options if option.sealed is not None}
    config: Config = {}
    for option in options:
        value = secrets[option.name] if option.sealed is not None else _resolved(option.value, secrets)
        config.setdefault(option.group, {})[option.name] = value
    return config


def _options(vault: Vault, wanted: Mapping[str, Any]) -> list[DomainOption]:
    if not wanted:
        raise Forbidden("The body sets no options.")
    found = []
    for group, options in wanted.items():
        if not isinstance(options, Mapping) or not options:
            raise Forbidden(f"The group {group[:64]} must be an object with at least one option.")
        for name, value in options.items():
            check(group, name)
            sealed = vault.seal(msgspec.json.encode(value)) if name in SECRET.get(group, ()) else None
            found.append(DomainOption(group, name, value if sealed is None else None, sealed))
    return found


def _as_config(options: Sequence[DomainOption]) -> Config:
    config: Config = {}
    for option in options:
        if option.sealed is None:
            config.setdefault(option.group, {})[option.name] = option.value
    return config


def _has(options: Sequence[DomainOption], group: str, name: str | None) -> bool:
    return any(option.group == group and name in (None, option.name) for option in options)


def _open(vault: Vault, sealed: bytes) -> Any:
    return msgspec.json.decode(vault.open(sealed))


def _resolved(value: Any, secrets: Mapping[str, Any]) -> Any:
    """Not by the % operator: its widths would let a value of a few bytes fill the memory."""
    if not isinstance(value, str) or "%" in REFERENCE.sub("", value):
        return value
    if any(found["name"] is not None and found["name"] not in secrets for found in REFERENCE.finditer(value)):
        return value
    return REFERENCE.sub(lambda found: "%" if found["name"] is None else str(secrets[found["name"]]), value)


def _unset(domain_id: str, group: str | None, option: str | None) -> NotFound:
    what = "options" if group is None else f"group {group}" if option is None else f"option {option} of the group {group}"
    return NotFound(f"Could not find any {what} in the configuration of the domain {domain_id[:64]}.")
