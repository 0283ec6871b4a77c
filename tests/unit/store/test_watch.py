"""Who is turned away while a server does not answer, and until when."""

from __future__ import annotations

import threading

import pytest

from identity.errors import Unavailable
from identity.store import watch
from identity.store.watch import Watch
from tests.support.listener import until


class Server:
    """Answers when it is let to, after the time that it takes for that."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.asked = 0
        self.dropped = 0
        self.watch = Watch(self.probe, self.drop)

    def probe(self) -> None:
        self.asked += 1
        assert self.open.wait(10)

    def drop(self) -> None:
        self.dropped += 1


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(watch, "PROOF", 0.1)
    monkeypatch.setattr(watch, "DOUBT", 0.2)
    return Server()


def test_a_doubt_turns_nobody_away_until_the_question_stays_open(server: Server) -> None:
    server.watch.doubt()
    server.watch.refuse()
    until(lambda: server.watch.away, 5, "the doubt to be a proof")
    with pytest.raises(Unavailable):
        server.watch.refuse()
    server.open.set()
    until(lambda: server.watch.since is None, 5, "the end of it")
    server.watch.refuse()
    assert server.asked <= 2


def test_who_has_waited_in_vain_leaves_no_doubt(server: Server) -> None:
    server.watch.doubt()
    server.watch.lost()
    assert server.watch.away
    server.watch.doubt()
    assert server.watch.away and server.asked == 1, "one question at a time"
    server.open.set()
    until(lambda: not server.watch.away, 5, "the end of it")


def test_an_answer_that_comes_late_is_none(server: Server) -> None:
    """Idle connections are dropped, for they lead to the same place; then it is asked again."""
    server.watch.lost()
    threading.Timer(0.3, server.open.set).start()  # an answer may take 0.2 s
    until(lambda: server.watch.since is None, 5, "the end of it")
    assert (server.asked, server.dropped) == (2, 1)


def test_a_refusal_that_comes_at_once_is_an_answer() -> None:
    def refuse() -> None:
        raise ConnectionRefusedError

    found = Watch(refuse, lambda: None)
    found.lost()
    until(lambda: not found.away, 5, "the end of it")


def test_nothing_is_doubted_after_the_end_and_a_child_begins_anew(server: Server) -> None:
    server.watch.end()
    server.watch.lost()
    assert not server.watch.away and server.asked == 0
    server.watch.reset()
    server.watch.lost()
    assert server.watch.away
    server.open.set()
    until(lambda: not server.watch.away, 5, "the end of it")
