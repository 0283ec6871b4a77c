"""Which certificate names which user: rules on issuer and subject, compared part by part and never as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from identity.errors import SettingsError

_USER = "{user}"
_ANY = "{any}"
_SHORT_NAMES = {"E": NameOID.EMAIL_ADDRESS, "emailAddress": NameOID.EMAIL_ADDRESS, "SERIALNUMBER": NameOID.SERIAL_NUMBER}
_KEYS = {"issuer", "subject", "domain", "domain_id"}

_Part = dict[x509.ObjectIdentifier, str]


@dataclass(frozen=True)
class Rule:
    """`issuer` exactly; `subject` with one {user}; the user is of `domain` (name) or `domain_id`."""

    issuer: tuple[_Part, ...]
    subject: tuple[_Part, ...]
    domain: str | None = None
    domain_id: str | None = None

    def user(self, issuer: x509.Name, subject: x509.Name) -> str | None:
        """The user's name, or None where the rule does not fit."""
        if parts(issuer) != self.issuer:
            return None
        found = parts(subject)
        if found is None or len(found) != len(self.subject):
            return None
        user = None
        for wanted, part in zip(self.subject, found, strict=True):
            if wanted.keys() != part.keys():
                return None
            for kind, pattern in wanted.items():
                if _USER in pattern:
                    user = _between(pattern, part[kind])
                    if user is None:
                        return None
                elif pattern not in (_ANY, part[kind]):
                    return None
        return user


def parts(name: x509.Name) -> tuple[_Part, ...] | None:
    """The name as its relative names in order. None where it has two readings: bytes for text, or a kind twice in one part."""
    found = []
    for relative in name.rdns:
        part = {attribute.oid: attribute.value for attribute in relative if isinstance(attribute.value, str)}
        if len(part) != len(list(relative)):
            return None
        found.append(part)
    return tuple(found)


def read_rules(rules: Sequence[Mapping[str, str]]) -> tuple[Rule, ...]:
    """Parse the rules of the settings; SettingsError lists every mistake."""
    made: list[Rule] = []
    problems: list[str] = []
    for number, rule in enumerate(rules, 1):
        place = f"x509.rules, rule {number}"
        wrong = list(_mistakes(rule))
        issuer = _parse(rule.get("issuer", ""), f"{place}: issuer", problems)
        subject = _parse(rule.get("subject", ""), f"{place}: subject", problems)
        problems += [f"{place}: {mistake}" for mistake in wrong]
        if issuer and subject and not wrong:
            made.append(Rule(issuer, subject, rule.get("domain"), rule.get("domain_id")))
    if problems:
        raise SettingsError(problems)
    return tuple(made)


def _mistakes(rule: Mapping[str, str]) -> Iterable[str]:
    unknown = sorted(set(rule) - _KEYS)
    if unknown:
        yield f"unknown key {unknown[0]!r}; known: {', '.join(sorted(_KEYS))}"
    if rule.get("subject", "").count(_USER) != 1:
        yield "subject needs {user} exactly once"
    if bool(rule.get("domain")) == bool(rule.get("domain_id")):
        yield "give either domain (a name) or domain_id"
    if _USER in rule.get("issuer", "") or _ANY in rule.get("issuer", ""):
        yield "issuer is exact: it takes no {user} or {any}"


def _parse(text: str, place: str, problems: list[str]) -> tuple[_Part, ...]:
    try:
        found = parts(x509.Name.from_rfc4514_string(text, _SHORT_NAMES))
    except ValueError:
        found = None
    if not found:
        problems.append(f"{place} is not a name such as CN=Users CA,O=Example (RFC 4514)")
        return ()
    return found


def _between(pattern: str, value: str) -> str | None:
    before, _, after = pattern.partition(_USER)
    if len(value) <= len(before) + len(after) or not value.startswith(before) or not value.endswith(after):
        return None
    return value[len(before) : len(value) - len(after)]
