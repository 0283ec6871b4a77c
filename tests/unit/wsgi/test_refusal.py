"""Errors below the application read as the application's own do: a client cannot tell who wrote them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity import errors
from identity.web.problem import problem_reply
from identity.web.reply import JSON
from identity.wsgi import refusal

WSGI = Path(refusal.__file__).parent


def kinds(above: type[errors.Problem] = errors.Problem) -> Iterator[type[errors.Problem]]:
    yield above
    for kind in above.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind.status in refusal.TITLES], ids=lambda kind: kind.__name__)
def test_both_forms_are_the_same_to_the_byte(kind: type[errors.Problem]) -> None:
    problem = kind("What is wrong.")
    reply = problem_reply(problem, "http://localhost/v3")
    assert refusal.body(kind.status, "What is wrong.") == reply.body
    assert dict(refusal.headers(reply.body, "req-1"))["Content-Type"] == reply.content_type == JSON


@pytest.mark.parametrize("kind", [errors.Problem, errors.TooLarge])
def test_the_same_mistake_has_the_same_words_on_either_side(kind: type[errors.Problem]) -> None:
    """A body too large, or a mistake of ours, may be found below the application or within it."""
    assert kind.public in {message for status, message in refused_with() if status == kind.status}


def test_every_status_that_is_used_has_a_title_and_no_other() -> None:
    assert {status for status, _ in refused_with()} == set(refusal.TITLES)
    assert {kind.status for kind in kinds()} & set(refusal.TITLES) >= {400, 404, 413, 500}


def refused_with() -> Iterator[tuple[int, str]]:
    """(status, message) of every refusal that is written out in the transport."""
    for file in WSGI.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            parts = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
            values = [part.value for part in parts if isinstance(part, ast.Constant)]
            if values and type(values[0]) is int and 400 <= values[0] < 600 and isinstance(values[-1], str):
                yield values[0], values[-1]
