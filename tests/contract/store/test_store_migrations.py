"""The schema's history arrives at what is declared, quickly, once, and without a second host in its way."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.exc import ProgrammingError

from identity.errors import Unavailable
from identity.settings import Database
from identity.store import migrations
from identity.store.engine import Store
from identity.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def blank(request, tmp_path, postgres):
    """URL of a database with nothing in it."""
    return f"sqlite:///{tmp_path}/blank.db" if request.param == "sqlite" else postgres.new_database()


@pytest.fixture
def empty(blank):
    store = Store.open(Database(connection=blank))
    yield store
    store.close()


def test_the_migrated_schema_is_the_declared_one(store):
    with store.read() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_defaults_checks_and_partial_indexes_are_the_declared_ones_too(empty, tmp_path, postgres):
    """Alembic does not compare these: so the tables are made from the declaration as well, and both databases are described."""
    url = f"sqlite:///{tmp_path}/declared.db" if empty.dialect == "sqlite" else postgres.new_database()
    declared = Store.open(Database(connection=url))
    with declared.begin() as tx:
        metadata.create_all(tx)
    migrations.upgrade(empty)
    assert described(empty) == described(declared)
    declared.close()


def where(index):
    """The condition of a partial index."""
    return [str(value) for name, value in index.get("dialect_options", {}).items() if name.endswith("_where")]


def described(store):
    with store.read() as db:
        look = inspect(db)
        return {
            name: (
                [(column["name"], str(column["type"]), column["nullable"], column["default"]) for column in look.get_columns(name)],
                sorted((check["name"], check["sqltext"]) for check in look.get_check_constraints(name)),
                sorted((index["name"], index["unique"], where(index)) for index in look.get_indexes(name)),
                sorted(constraint["name"] for constraint in look.get_unique_constraints(name)),
                sorted((key["name"], str(key["options"])) for key in look.get_foreign_keys(name)),
            )
            for name in metadata.tables
        }


def test_the_head_that_the_code_names_is_the_newest_file():
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_upgrade_is_quick_and_may_be_repeated(empty):
    assert migrations.current(empty) is None
    assert "gatestone db upgrade" in migrations.check(empty)
    started = time.monotonic()
    assert migrations.upgrade(empty) == migrations.HEAD
    assert time.monotonic() - started < 5
    assert migrations.current(empty) == migrations.HEAD
    assert migrations.check(empty) is None
    assert migrations.upgrade(empty) == migrations.HEAD
    assert empty.sequence() == 0


def test_two_hosts_may_upgrade_at_once(blank):
    stores = [Store.open(Database(connection=blank)) for _ in range(2)]
    try:
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(migrations.upgrade, stores)) == [migrations.HEAD] * 2
    finally:
        for store in stores:
            store.close()


def test_an_upgrade_that_fails_leaves_nothing(empty):
    with empty.begin() as tx:
        tx.execute(text("CREATE TABLE uuid_token (digest VARCHAR)"))  # in the way of the last step
    with pytest.raises((Unavailable, ProgrammingError)):
        migrations.upgrade(empty)
    with empty.read() as db:
        assert inspect(db).get_table_names() == ["uuid_token"]
    assert migrations.current(empty) is None


def test_another_schema_is_named(store):
    with store.begin() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "9999" in migrations.check(store)


def test_alembic_is_not_loaded_until_it_is_needed(tmp_path):
    code = f"""
import sys
from identity.errors import Unavailable
from identity.settings import Database
from identity.store import domains, epoch, grants, groups, keys, migrations, projects, roles, services, subjects, tokens, users
from identity.store.engine import Store
store = Store.open(Database(connection="sqlite:///{tmp_path}/x.db"))
assert migrations.current(store) is None
print([name for name in ("alembic", "mako", "psycopg", "sqlalchemy.orm") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
