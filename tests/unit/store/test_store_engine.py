"""Database URLs, the file's mode, a database in memory, and what a fork leaves behind."""

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from identity.errors import StartError, Unavailable
from identity.model.auth import DomainRef
from identity.settings import Database
from identity.store import domains, migrations, tenancy
from identity.store.engine import Store


def used(url: str) -> Store:
    store = Store.open(Database(connection=url))
    migrations.upgrade(store)
    with store.begin() as tx:
        domains.create(tx, id="default", name="Default", now=1.0)
    return store


def found(store: Store) -> str | None:
    with store.read() as db:
        return domains.find(db, DomainRef(name="Default"))


@pytest.mark.parametrize("url", ["sqlite:///relative.db", "sqlite:///{dir}/absolute.db", "sqlite+pysqlite:///{dir}/driver.db"])
def test_a_file_is_private_and_lasts(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = os.umask(0)
    try:
        store = used(url.format(dir=tmp_path))
        files = list(tmp_path.iterdir())
        assert files
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        monkeypatch.chdir("/")
        assert found(store) == "default"
        store.close()
    finally:
        os.umask(before)
    monkeypatch.chdir(tmp_path)
    assert found(Store.open(Database(connection=url.format(dir=tmp_path)))) == "default"


def test_an_existing_files_mode_is_left_alone(tmp_path):
    path = tmp_path / "mine.db"
    path.touch(mode=0o640)
    path.chmod(0o640)
    used(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_one_for_all_threads(url):
    store = used(url)

    def work(number: int) -> str | None:
        with store.begin() as tx:
            domains.create(tx, name=f"d{number}", now=1.0)
        return found(store)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(40))) == ["default"] * 40
    with store.read() as db:
        assert len(tenancy.listed(db)[0]) == 41
    assert store.sequence() == 41


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://root:hunter2@host/x", "sqlite:////no/such/folder/x.db", "oracle://x", "sqlite+aiosqlite:///x.db"],
)
def test_a_url_that_cannot_work_is_one_clear_line(url):
    with pytest.raises(StartError) as caught:
        Store.open(Database(connection=url))
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_named_so(tmp_path):
    path = tmp_path / "text.db"
    path.write_text("this is a letter to my aunt " * 100)
    store = Store.open(Database(connection=f"sqlite:///{path}"))
    with pytest.raises(Unavailable) as caught:
        store.sequence()
    assert "not a database" in caught.value.reason


@pytest.mark.parametrize("name", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_spelt_in_several_ways(name):
    store = Store.open(Database(connection=f"{name}://me@127.0.0.1:1/x?application_name=mine"))
    assert (store.dialect, store.engine.dialect.driver) == ("postgresql", "psycopg")
    with pytest.raises(Unavailable):
        store.sequence()


def test_a_child_uses_its_own_connections(tmp_path):
    store = used(f"sqlite:///{tmp_path}/fork.db")
    assert found(store) == "default"
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.dispose()
            with store.begin() as tx:
                domains.create(tx, name="child", now=1.0)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    with store.read() as db:
        assert domains.find(db, DomainRef(name="child")) is not None
    with store.begin() as tx:
        domains.create(tx, name="parent", now=1.0)
    assert store.sequence() == 3


def test_a_reader_does_not_wait_for_a_writer(tmp_path):
    store = used(f"sqlite:///{tmp_path}/wal.db")
    answers: list[str | None] = []
    with store.begin() as tx:
        domains.create(tx, name="new", now=1.0)
        reader = threading.Thread(target=lambda: answers.append(found(store)))
        reader.start()
        reader.join(5)
        assert answers == ["default"]
