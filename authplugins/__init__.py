"""Owns the ways to prove who one is: one module a method, each turning evidence into an identity.

Must not depend on Flask, on SQL, on signing keys or on the settings: only on the model, the ports and the errors.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from importlib import import_module, metadata
from typing import Any, Final

from identity.errors import SettingsError
from identity.ports import AuthPlugin

BUILT_IN: Final = {
    "password": "authplugins.password:Password",
    "token": "authplugins.token:Token",
    "application_credential": "authplugins.application_credential:ApplicationCredential",
    "external": "authplugins.external:External",
    "kerberos": "authplugins.kerberos:Kerberos",
    "x509": "authplugins.x509:X509",
}
GROUP: Final = "gatestone.auth"
"""Entry-point group in which other distributions offer methods of their own."""


def load(names: Iterable[str]) -> dict[str, Callable[..., AuthPlugin]]:
    """The plugin class of each method; only those asked for are imported.

    A built-in method cannot be replaced from outside. Raises SettingsError that lists every unknown name at once.
    """
    found: dict[str, Callable[..., AuthPlugin]] = {}
    problems = []
    names = list(names)
    table = dict(BUILT_IN)
    if not set(names) <= BUILT_IN.keys():  # the look at what is installed takes 20 ms
        table = {point.name: point.value for point in metadata.entry_points(group=GROUP)} | table
    for name in names:
        try:
            found[name] = _import(table[name])
        except KeyError:
            close = difflib.get_close_matches(name, table, 1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(table))}"
            problems.append(f"auth.methods: there is no method {name!r}{hint}")
        except (ImportError, AttributeError) as problem:
            problems.append(f"auth.methods: {name!r} cannot be loaded: {problem}")
    if problems:
        raise SettingsError(problems)
    return found


def _import(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)
