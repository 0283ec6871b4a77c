"""Decides whether a caller may do a thing. The only file that knows oslo.policy.

Its parser and its checks are used as they are, so that a policy file means what it means everywhere in OpenStack. Its
`Enforcer` is not: with oslo.config and the plugins for remote checks it brings 135 ms and 10 MB to each start, and it
re-reads and re-warns on the way to each answer. Warm, a decision is one or two look-ups: a check tree takes 35 to 140 us.
"""

from __future__ import annotations

import difflib
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from oslo_policy import _checks, _parser

from identity.errors import Forbidden, SettingsError
from identity.policy import policy_file as files
from identity.policy.credentials import Credentials
from identity.policy.rules import DEFAULTS, Rule

_log = logging.getLogger(__name__)

_NO_TARGET: Final[Mapping[str, Any]] = {}
_MAX_DECISIONS: Final = 256  # a caller; a service that looks at many users' tokens is decided without the target
_MAX_DEPTH: Final = 50  # of a check's brackets
_REMOTE: Final = frozenset({"http", "https"})
# Values that Keystone always has, as None where the token lacks them; ours are left out then (see `credentials`).
_NULLABLE: Final = frozenset(
    f"{whose}{name}" for whose in ("", "service_") for name in ("user_id", "user_domain_id", "project_id", "project_domain_id")
).union(("domain_id", "system_scope"))

# Parsing would else load the plugins for remote checks, and `requests` with them; such checks are refused below.
if _checks.extension_checks is None:
    _checks.extension_checks = {}
# The parser's own complaint is a traceback without file or line; `_mistakes` says it better.
_parser.LOG.setLevel(logging.CRITICAL)


class Enforcer:
    """The defaults with the operator's file laid over them; the file is read again when it changes.

    Raises `SettingsError` with every mistake at first; later mistakes are logged and the last good rules stay in force.
    """

    def __init__(self, policy_file: str = "", defaults: Sequence[Rule] = DEFAULTS) -> None:
        self._path = Path(policy_file) if policy_file else None
        self._defaults = defaults
        self._lock = threading.Lock()
        self._seen = _signature(self._path)
        self._rules = _load(self._defaults, self._path)

    def names(self) -> Collection[str]:
        """Every rule that there is, for `registry.verify`."""
        return self._rules.rules.keys()

    def check(self, rule: str, credentials: Mapping[str, Any], target: Mapping[str, Any] = _NO_TARGET) -> None:
        """Return if the rule lets the caller act on the target, a flat mapping such as {"target.token.user_id": ...}.

        Raises `errors.Forbidden`, also for a rule that does not exist.
        """
        rules = self._rules
        if self._path is not None and _signature(self._path) != self._seen:
            rules = self._reload()
        allowed = None
        under, decisions = credentials.decided if isinstance(credentials, Credentials) else (None, {})
        if under is rules:  # read once: another thread may put newer decisions there
            allowed = decisions.get(rule)
            if allowed is None:
                with suppress(TypeError):  # a target with a list in it is not remembered
                    allowed = decisions.get((rule, *target.items()))
        if allowed is None:
            allowed = rules.decide(rule, credentials, target)
        if not allowed:
            raise Forbidden(f"You are not authorized to perform the requested action: {rule}.", reason=f"policy: {rule}")

    def _reload(self) -> _RuleSet:
        with self._lock:
            signature = _signature(self._path)
            if signature != self._seen:
                try:
                    self._rules = _load(self._defaults, self._path)
                except SettingsError as error:
                    _log.error("the policy stays as it was: %s", error)
                self._seen = signature
            return self._rules


class _RuleSet:
    """Parsed rules. Has the one attribute, `rules`, that oslo.policy's `rule:` check asks of an enforcer."""

    def __init__(self, checks: Mapping[str, Any], scopes: Mapping[str, tuple[str, ...]]) -> None:
        self.rules = checks
        self._scopes = scopes

    def decide(self, rule: str, credentials: Mapping[str, Any], target: Mapping[str, Any]) -> bool:
        """Walk the check; a check that fails is a refusal. Remembers the outcome with the credentials."""
        check = self.rules.get(rule)
        if check is None:
            _log.error("refused: there is no rule %s", rule)
            return False
        scopes = self._scopes.get(rule)
        if scopes and _scope(credentials) not in scopes:
            return False
        watched = _Watched(target)
        try:
            allowed = bool(check(watched, credentials, self, rule))
        except Exception:
            _log.exception("refused: the check of %s failed", rule)
            return False
        if isinstance(credentials, Credentials):
            self._remember(credentials, (rule, *target.items()) if watched.read else rule, allowed)
        return allowed

    def _remember(self, credentials: Credentials, key: object, allowed: bool) -> None:
        rules, decisions = credentials.decided
        if rules is not self or len(decisions) >= _MAX_DECISIONS:
            decisions = {}
            credentials.decided = (self, decisions)
        with suppress(TypeError):
            decisions[key] = allowed


class _Watched:
    """A target that knows whether it was read: a decision taken without looking at it holds for every target."""

    __slots__ = ("_target", "read")

    def __init__(self, target: Mapping[str, Any]) -> None:
        self._target = target
        self.read = False

    def __getitem__(self, name: str) -> Any:
        self.read = True
        return self._target[name]


class _Unset(_checks.Check):  # type: ignore[misc]
    """`domain_id:None` as Keystone means it: the token has no such value."""

    def __call__(self, target: Any, creds: Mapping[str, Any], enforcer: Any, current_rule: str | None = None) -> bool:
        return creds.get(self.kind) is None


def parsed(text: str) -> Any:
    """The check tree of a rule's text; what cannot be understood becomes a refusal (see `_mistakes`)."""
    try:
        return _fitted(_parser.parse_rule(text), _MAX_DEPTH)
    except RecursionError:
        return _checks.FalseCheck()


def _fitted(check: Any, depth: int) -> Any:
    if depth == 0:
        raise RecursionError  # long before the interpreter would: each walk over a tree takes another number of frames
    if isinstance(check, (_checks.AndCheck, _checks.OrCheck)):
        check.rules = [_fitted(part, depth - 1) for part in check.rules]
    elif isinstance(check, _checks.NotCheck):
        check.rule = _fitted(check.rule, depth - 1)
    elif type(check) is _checks.GenericCheck and check.match == "None" and check.kind in _NULLABLE:
        return _Unset(check.kind, check.match)
    return check


def canonical(text: str) -> str:
    """The check with its grouping made uniform: two texts that ask the same in the same order are equal."""
    return _canonical(parsed(text))


def _canonical(check: Any) -> str:
    if isinstance(check, (_checks.AndCheck, _checks.OrCheck)):
        word = " and " if isinstance(check, _checks.AndCheck) else " or "
        return "(" + word.join(_canonical(part) for part in _flat(check)) + ")"
    if isinstance(check, _checks.NotCheck):
        return f"not {_canonical(check.rule)}"
    return str(check)


def _flat(check: Any) -> Iterator[Any]:
    for part in check.rules:
        yield from _flat(part) if type(part) is type(check) else (part,)


def _scope(credentials: Mapping[str, Any]) -> str:
    if credentials.get("system_scope"):
        return "system"
    return "domain" if credentials.get("domain_id") else "project"


def _load(defaults: Sequence[Rule], path: Path | None) -> _RuleSet:
    given = files.read(path) if path is not None else files.Contents({}, ())
    texts = {rule.name: rule.check for rule in defaults} | {name: override.check for name, override in given.rules.items()}
    checks = {name: parsed(text) for name, text in texts.items()}
    known = [rule.name for rule in defaults]
    problems = list(given.problems)
    spoilt: list[str] = []
    for name, text in texts.items():
        override = given.rules.get(name)
        for mistake in _mistakes(name, text, checks, known):
            if override is None:
                spoilt.append(f"default: `{name}`: {mistake}")
            else:
                problems.append((override.line, f"`{name}`: {mistake}"))
    if problems or spoilt:
        raise SettingsError([*(f"{path}:{line}: {clause}" for line, clause in sorted(problems)), *spoilt])
    return _RuleSet(checks, {rule.name: rule.scopes for rule in defaults if rule.scopes})


def _mistakes(name: str, text: str, checks: Mapping[str, Any], known: Sequence[str]) -> Iterator[str]:
    """What is wrong with one rule, each as a clause for the operator."""
    if name not in known and name.startswith("identity:") and (close := difflib.get_close_matches(name, known, 1, 0.9)):
        # Left alone, a misspelt restriction would restrict nothing. Rules of routes that are not served here may stand.
        yield f"no such rule; did you mean `{close[0]}`?"
    leaves = list(_leaves(checks[name]))
    denials = [word.strip("()") for word in text.split()].count("!")
    if sum(isinstance(leaf, _checks.FalseCheck) for leaf in leaves) != denials:
        yield f"cannot be understood: {text!r}"
    for leaf in leaves:
        if not isinstance(leaf, _checks.Check):
            continue
        if leaf.kind in _REMOTE:
            yield f"`{leaf.kind}:` checks ask another server for each request; they are not served here"
        elif leaf.kind == "rule" and leaf.match not in checks:
            close = difflib.get_close_matches(leaf.match, checks, 1)
            yield f"refers to `{leaf.match}`, which is no rule" + (f"; did you mean `{close[0]}`?" if close else "")
        elif not _fillable(leaf.match):
            yield f"`{leaf}` is not of the form `name:%(target.name)s`"
    if name in _reached(name, checks):
        yield "refers to itself"


def _leaves(check: Any) -> Iterator[Any]:
    if isinstance(check, (_checks.AndCheck, _checks.OrCheck)):
        for part in check.rules:
            yield from _leaves(part)
    elif isinstance(check, _checks.NotCheck):
        yield from _leaves(check.rule)
    else:
        yield check


def _fillable(match: str) -> bool:
    try:
        match % defaultdict(str)
    except (ValueError, TypeError):
        return False
    return True


def _reached(name: str, checks: Mapping[str, Any]) -> set[str]:
    """The rules that `name` leads to by way of `rule:` checks."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        for leaf in _leaves(checks[waiting.pop()]):
            if isinstance(leaf, _checks.RuleCheck) and leaf.match in checks and leaf.match not in reached:
                reached.add(leaf.match)
                waiting.append(leaf.match)
    return reached


def _signature(path: Path | None) -> object:
    """Changes when the file does; None while there is none."""
    if path is None:
        return None
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
