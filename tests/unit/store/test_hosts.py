"""Several hosts in one URL: libpq's form and SQLAlchemy's, and who is asked first."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine

from identity.errors import StartError
from identity.settings import Database
from identity.store.engine import Store
from identity.store.hosts import Order, count, parsed


@pytest.mark.parametrize(
    ("text", "host", "port", "number"),
    [
        ("postgresql+psycopg://u:p%40ss@one:5432,two:5433/db", "one,two", "5432,5433", 2),
        ("postgresql+psycopg://u@one,two/db?target_session_attrs=any", "one,two", "5432,5432", 2),
        ("postgresql+psycopg://[::1]:1,[fe80::1]:2/db", "::1,fe80::1", "1,2", 2),
        ("postgresql+psycopg://u@/db?host=one:5432&host=two:5433", "one,two", "5432,5433", 2),
        ("postgresql+psycopg://u@one:5432/db", "one", 5432, 1),
        ("postgresql+psycopg://u:a,b@one/db", "one", None, 1),
    ],
)
def test_urls(text: str, host: str, port: object, number: int) -> None:
    url = parsed(text)
    _, named = create_engine(url).dialect.create_connect_args(url)
    assert (named["host"], named.get("port"), named["dbname"]) == (host, port, "db")
    assert count(url) == number
    assert url.query.get("target_session_attrs") == ("any" if "any" in text else None)


def test_a_password_with_a_comma_stays_one() -> None:
    assert parsed("postgresql+psycopg://u:a,b@one,two/db").password == "a,b"


@pytest.mark.parametrize("text", ["postgresql://one:x,two/db", "postgresql://one:1:2,two/db"])
def test_what_is_no_list_of_hosts_is_refused_in_words(text: str) -> None:
    with pytest.raises(StartError, match="not a database URL"):
        Store.open(Database(connection=text))


def test_who_took_us_last_is_asked_first() -> None:
    order, named = Order(), {"host": "one,two,three", "port": "1,2,3", "user": "u"}
    assert order.apply(named) == named
    order.took(SimpleNamespace(info=SimpleNamespace(host="two", port=2)))
    assert order.apply(named) == {"host": "two,one,three", "port": "2,1,3", "user": "u"}
    assert order.apply({"host": "two", "port": "2"}) == {"host": "two", "port": "2"}
    assert order.apply({"user": "u"}) == {"user": "u"}
