"""Authentication methods as the bits of one number, the way Keystone's payloads hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

KEYSTONE_METHODS: Final = ("external", "password", "token", "oauth1", "mapped", "application_credential", "ec2credential")
"""Keystone's default `[auth] methods`: a method's bit is its place in this list."""

FURTHER_METHODS: Final = ("kerberos", "x509", "totp", "saml2", "openid", "oauth2_credential")
"""Methods that get the next bits. A Keystone that shares keys names them when its own list ends in the same order."""

_MOST: Final = 63


class MethodTable:
    """Turns lists of methods to numbers and back.

    The table must not depend on which methods are switched on, or switching one off would change what live tokens say.
    `keystone` is the `[auth] methods` list of a Keystone that shares the keys; `extra` adds plugins of third parties.
    """

    def __init__(self, keystone: Sequence[str] = (), extra: Iterable[str] = ()) -> None:
        order = dict.fromkeys((*(keystone or KEYSTONE_METHODS), *KEYSTONE_METHODS, *FURTHER_METHODS, *extra))
        if len(order) > _MOST:
            raise ValueError(f"more than {_MOST} authentication methods")
        self._bits = {name: 1 << place for place, name in enumerate(order)}
        self.names = _Names(self._bits)

    def number(self, methods: Iterable[str]) -> int:
        """The number that stands for `methods`; ValueError for one that is not in the table."""
        total = 0
        for name in methods:
            if name not in self._bits:
                raise ValueError(f"authentication method {name!r} has no place in the table")
            total |= self._bits[name]
        return total

    def ordered(self, methods: Iterable[str]) -> tuple[str, ...]:
        """The methods once each, in the order in which an opened token lists them."""
        # A name without a place is a plugin's that is no longer there; a token shown may still bear it.
        return self.names[self.number(name for name in methods if name in self._bits)]


class _Names(dict[int, tuple[str, ...]]):
    """From number to methods, the latest bit first as Keystone lists them; remembers each combination that was met.

    A bit beyond the table is left out: it is a method that only a newer worker of the same fleet knows.
    """

    def __init__(self, bits: dict[str, int]) -> None:
        super().__init__()
        self._order = sorted(((bit, name) for name, bit in bits.items()), reverse=True)

    def __missing__(self, number: int) -> tuple[str, ...]:
        if type(number) is not int or number < 0:
            raise TypeError("the methods of a payload are one number")
        found = tuple(name for bit, name in self._order if number & bit)
        if len(self) < 1024:
            self[number] = found
        return found
