"""Password hashes: argon2id for new ones; those that Keystone wrote are read, and replaced at the next login.

Every byte of a password counts, up to `identity.max_password_length`. Hashing is bounded by a semaphore, so that a
storm of logins never takes the processors that validation needs.

Time (CWE-208). A refusal must not tell whether the user exists, nor how old the hash is. An unknown user costs one
real argon2id check. Where a worker has met a hash of another kind, every refused check is held back, asleep and
outside the semaphore, until 1.25 times the slowest kind's usual time is over; a worker that has met none waits for
nothing. The first check of such a hash in each worker is thus the only one that shows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import argon2

from ..errors import BadRequest, PasswordTooLong, Unavailable
from ..settings import Identity
from . import keystone_hashes

_PARALLELISM = 1  # one lane: the semaphore then bounds the processors in use, too
_MARGIN = 1.25
_LONGEST_HOLD = 1.0  # seconds; a stalled machine must not teach us to wait for ever
_BCRYPT_BYTES = 72


class Hasher:
    """Makes and checks password hashes. `wait`: seconds to queue for a turn before `Unavailable`."""

    def __init__(
        self,
        identity: Identity,
        *,
        wait: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        cost, memory = identity.argon2_time_cost, identity.argon2_memory_cost
        self._argon2 = argon2.PasswordHasher(time_cost=cost, memory_cost=memory, parallelism=_PARALLELISM)
        # Nobody's hash: salt and digest are not made from any password, so no password fits and it costs no start-up time.
        self._nobody = f"$argon2id$v=19$m={memory},t={cost},p={_PARALLELISM}$" + "bm9ib2R5J3Mgc2FsdA" + "$" + "A" * 43
        self._most_memory = max(memory, 1024 * 1024)  # KiB
        self._most_work = max(memory * cost, 4 * 1024 * 1024)  # KiB times passes: some 8 s
        self._longest = identity.max_password_length
        self._turns = threading.Semaphore(identity.password_hash_concurrency)
        self._wait = wait
        self._sleep = sleep
        self._timer = timer
        # Smoothed seconds of one check of each kind; 0: not met yet. Its keys never change, so that threads may share it.
        self._usual = dict.fromkeys(("argon2id", *keystone_hashes.KINDS), 0.0)

    def hash(self, password: str) -> str:
        """A new argon2id hash. BadRequest for an empty password, PasswordTooLong, Unavailable."""
        secret = self._bytes(password)
        if not secret:
            raise BadRequest("The password is empty.")
        with self._turn():
            try:
                return self._argon2.hash(secret)
            except argon2.exceptions.HashingError as problem:
                raise Unavailable(reason=f"no memory to hash a password: {problem}") from None

    def verify(self, stored: str | None, password: str, *, hold: bool = False) -> tuple[bool, bool]:
        """Whether the password fits, and whether its hash should now be made anew.

        `stored` None (no such user, or none with a password) and an empty password never fit, and take the time of one
        that does not; `hold` takes that time even where it fits, for a caller who refuses for another reason (a disabled
        user). Raises PasswordTooLong, BadRequest for what is not text, Unavailable.
        """
        secret = self._bytes(password)
        kind = keystone_hashes.kind(stored) if stored and secret else None
        with self._turn():
            start = self._timer()
            try:
                fits = keystone_hashes.fits(stored or "", secret) if kind else self._fits_argon2(stored or "", secret)
            except ValueError:  # malformed, or too costly to be checked: spend the time that a sound one takes
                kind, fits = None, self._fits_argon2("", secret)
            spent = self._timer() - start
        self._learn(kind or "argon2id", spent)
        if hold or not fits:
            self._hold(spent)
        return fits, fits and self._outdated(stored or "", kind, secret)

    def _fits_argon2(self, stored: str, secret: bytes) -> bool:
        sound = secret and stored.startswith("$argon2id$") and self._affordable(stored)
        try:
            return self._argon2.verify(stored if sound else self._nobody, secret)
        except argon2.exceptions.VerifyMismatchError:
            return False
        except argon2.exceptions.VerificationError as problem:
            if sound:
                raise ValueError("not a sound hash") from problem
            raise Unavailable(reason=f"no memory to hash a password: {problem}") from None

    def _affordable(self, stored: str) -> bool:
        try:
            cost = argon2.extract_parameters(stored)
        except (argon2.exceptions.InvalidHashError, ValueError):
            return False
        if cost.hash_len < keystone_hashes.SHORTEST_DIGEST:
            return False
        return cost.memory_cost <= self._most_memory and cost.memory_cost * cost.time_cost <= self._most_work

    def _outdated(self, stored: str, kind: str | None, secret: bytes) -> bool:
        if kind is None:
            return self._argon2.check_needs_rehash(stored)
        # bcrypt saw the first 72 bytes only. The rest was not proven, so it must not become part of a new hash.
        return kind != "bcrypt" or len(secret) <= _BCRYPT_BYTES

    def _bytes(self, password: str) -> bytes:
        try:
            secret = password.encode()
        except UnicodeEncodeError:
            raise BadRequest("The password is not valid text.") from None
        if len(secret) > self._longest:
            raise PasswordTooLong(f"The password is longer than the allowed {self._longest} bytes.")
        return secret

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._wait):
            raise Unavailable(reason=f"waited {self._wait:g} s for a turn to hash a password: too many logins at a time")
        try:
            yield
        finally:
            self._turns.release()

    def _learn(self, kind: str, spent: float) -> None:
        known = self._usual[kind]
        self._usual[kind] = known + (spent - known) / 8 if known else spent

    def _hold(self, spent: float) -> None:
        if not any(self._usual[kind] for kind in keystone_hashes.KINDS):
            return
        left = min(max(self._usual.values()) * _MARGIN, _LONGEST_HOLD) - spent
        if left > 0:
            self._sleep(left)
