"""What a worker remembers of tokens it has validated."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from identity.model.access import Access
from identity.model.revocation import Change


@dataclass(slots=True, eq=False)
class Entry:
    """A token found good, and what was made of it since: the answers rendered (under the renderer's own keys), and
    `credentials`, what the policy is asked about, once the token has been a caller's.
    """

    token: str = field(repr=False)
    access: Access
    expires_at: int
    rendered: dict[str, bytes] = field(default_factory=dict)
    credentials: Mapping[str, Any] = field(default_factory=dict)


class TokenCache:
    """Bounded (the oldest goes first) and indexed by tag, so that a change evicts only what it touches.

    `get` is the dictionary's own: reading takes no lock and no call. `refused` remembers tokens that no key opens, so that a
    client that repeats rubbish costs one look-up.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[str, Entry] = {}
        self._by_tag: dict[str, set[str]] = {}
        self.refused: dict[str, float] = {}
        self.doubtful: dict[str, Entry] = {}
        self._lock = threading.Lock()
        self._seq = -1
        self.get = self._entries.get

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry: Entry, seq: int) -> None:
        """Remember `entry`, read at sequence `seq`; dropped silently when a change has come in between."""
        if not self._size:
            return
        with self._lock:
            if seq != self._seq or entry.token in self._entries:
                return
            self.doubtful.pop(entry.token, None)
            self._entries[entry.token] = entry
            for tag in entry.access.subject.tags:
                self._by_tag.setdefault(tag, set()).add(entry.token)
            while len(self._entries) + len(self.doubtful) > self._size:
                self._drop(next(iter(self.doubtful or self._entries)))

    def apply(self, changes: Sequence[Change], seq: int) -> None:
        """A `ChangeFeed` listener: evict what the changes touch; without any, everything."""
        with self._lock:
            if not changes:
                self._entries.clear()
                self._by_tag.clear()
                self.refused.clear()
                self.doubtful.clear()
            for change in changes:
                if change.kind == "keys":
                    self.refused.clear()
                    self._doubt()
                for token in tuple(self._by_tag.get(change.tag, ())):
                    self._drop(token)
            self._seq = seq

    def recall(self, token: str, seq: int) -> Entry | None:
        """The entry of a token that was opened anew, at sequence `seq`; None when a change has come in between."""
        with self._lock:
            entry = self.doubtful.pop(token, None) if seq == self._seq else None
            if entry is not None:
                self._entries[token] = entry
            return entry

    def refuse(self, token: str, until: float) -> None:
        """Remember rubbish until that time only: a key that opens it may still be on its way to this host."""
        if self._size and len(token) <= 1024:
            with self._lock:
                self.refused[token] = until
                if len(self.refused) > self._size:
                    del self.refused[next(iter(self.refused))]

    def _doubt(self) -> None:
        """The keys are others now: a token may have been sealed with one that was taken away, because it leaked."""
        self.doubtful.update(self._entries)
        self._entries.clear()
        while len(self.doubtful) > self._size:
            self._drop(next(iter(self.doubtful)))

    def _drop(self, token: str) -> None:
        entry = self._entries.pop(token, None) or self.doubtful.pop(token, None)
        if entry is None:
            return
        for tag in entry.access.subject.tags:
            holders = self._by_tag.get(tag)
            if holders is not None:
                holders.discard(token)
                if not holders:
                    del self._by_tag[tag]
