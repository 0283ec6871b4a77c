"""OAuth consumers and tokens in the store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from identity.errors import NotFound, Unauthorized
from identity.model.delegation import AccessToken, Consumer, RequestToken
from identity.store import epoch, oauth, users
from tests.contract.store.world import NOW

CONSUMER = Consumer("c", "a printer", {"colour": "blue"}, b"sealed")
QUESTION = RequestToken("q", "c", "top", b"sealed too", NOW + 100)
ANSWER = AccessToken("a", "c", "u1", "top", ("member", "reader"), NOW + 200, b"sealed as well")


@pytest.fixture
def asked(world):
    world.do(oauth.create_consumer, CONSUMER)
    world.do(oauth.create_request, QUESTION, NOW)
    return world


def answered(world):
    world.do(oauth.authorize, "q", "u1", ("member", "reader"), "verifier")
    return world.ask(oauth.get_request, "q")


def test_a_consumer_is_read_as_it_was_written(asked):
    assert asked.ask(oauth.get_consumer, "c") == CONSUMER
    changed = replace(CONSUMER, description=None, extra={})
    asked.do(oauth.save_consumer, changed)
    assert asked.ask(oauth.consumers) == ([changed], False)
    assert asked.ask(oauth.get_consumer, "\0") is None


def test_from_question_to_answer(asked):
    assert asked.ask(oauth.get_request, "q") == QUESTION
    question = answered(asked)
    assert (question.user_id, question.role_ids, question.verifier) == ("u1", ("member", "reader"), "verifier")
    asked.do(oauth.exchange, question, ANSWER)
    assert asked.ask(oauth.get_token, "u1", "a") == replace(ANSWER, secret=b"")
    assert asked.ask(oauth.tokens, "u1") == ([replace(ANSWER, secret=b"")], False)
    assert asked.ask(oauth.get_token, "stranger", "a") is None
    assert asked.ask(oauth.get_request, "q") is None


def test_an_answer_is_fetched_once(asked):
    question = answered(asked)
    asked.do(oauth.exchange, question, ANSWER)
    with pytest.raises(Unauthorized):
        asked.do(oauth.exchange, question, replace(ANSWER, id="b"))
    assert asked.ask(oauth.get_token, "u1", "b") is None


def test_an_answer_that_was_given_anew_is_not_fetched_with_the_old_verifier(asked):
    question = answered(asked)
    asked.do(oauth.authorize, "q", "u1", ("reader",), "another")
    with pytest.raises(Unauthorized):
        asked.do(oauth.exchange, question, ANSWER)


def test_no_answer_to_a_question_that_nobody_asked(asked):
    with pytest.raises(NotFound):
        asked.do(oauth.authorize, "none", "u1", (), "verifier")


def test_questions_that_have_expired_are_dropped(asked):
    asked.do(oauth.create_request, replace(QUESTION, id="q2"), NOW + 101)
    assert asked.ask(oauth.get_request, "q") is None


@pytest.mark.parametrize("gone", ["token", "consumer"])
def test_what_is_taken_back_is_told(asked, gone):
    asked.do(oauth.exchange, answered(asked), ANSWER)
    before = asked.seq()
    if gone == "token":
        with pytest.raises(NotFound):
            asked.do(oauth.remove_token, "stranger", "a", NOW)
        asked.do(oauth.remove_token, "u1", "a", NOW)
    else:
        asked.do(oauth.remove_consumer, "c", NOW)
        with pytest.raises(NotFound):
            asked.do(oauth.remove_consumer, "c", NOW)
    assert [(change.tag, change.revokes) for change in asked.ask(epoch.since, before)] == [("access_token:a", True)]
    assert asked.ask(oauth.tokens, "u1") == ([], False)


def test_tokens_go_with_their_user(asked):
    asked.do(oauth.exchange, answered(asked), ANSWER)
    asked.do(users.delete, "u1", NOW)
    assert asked.ask(oauth.tokens, "u1") == ([], False)


def test_a_nonce_is_taken_once_for_as_long_as_it_counts(world):
    world.do(oauth.use_nonce, "n", NOW, 10)
    with pytest.raises(Unauthorized):
        world.do(oauth.use_nonce, "n", NOW + 10, 10)
    world.do(oauth.use_nonce, "n", NOW + 11, 10)
