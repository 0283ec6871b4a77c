"""The house stands: who may import whom."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A library that shapes the code around it stays behind one door. Key: the library; value: where it may be named.
DOORS = {
    "oslo_policy": ("identity/policy/enforcer.py",),
    "gssapi": ("authplugins/",),
    "flask": ("identity/web/",),
    "werkzeug": ("identity/web/",),
    "gunicorn": ("identity/wsgi/", "identity/manage/"),
    "sqlalchemy": ("identity/store/",),
    "alembic": ("identity/store/",),
    "psycopg": ("identity/store/",),
    "click": ("identity/manage/",),
    "rich": ("identity/manage/",),
    "keystoneauth1": (),
    "keystone": (),
    "oslo_config": (),
    "stevedore": (),
    "passlib": (),
    "keystoneauth_gatestone": (),
}


def test_the_import_contracts_hold():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def sources(*packages):
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


@cache
def imported(path):
    """(line, top-level name) of every import, wherever it stands in the file.

    The name of a transaction's type is free: whoever is handed one may say so.
    """
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name.partition(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module == "sqlalchemy" and [alias.name for alias in node.names] == ["Connection"]:
                continue
            found.append((node.lineno, node.module.partition(".")[0]))
    return found


@pytest.mark.parametrize("library", DOORS)
def test_each_library_stays_behind_its_door(library):
    found = [
        f"{place}:{line}"
        for path in sources("identity", "authplugins", "catalog")
        for line, name in imported(path)
        if name == library and not (place := path.relative_to(ROOT).as_posix()).startswith(DOORS[library] or ("-",))
    ]
    assert found == []


def test_the_door_test_sees_imports():
    assert "oslo_policy" in {name for _, name in imported(ROOT / "identity/policy/enforcer.py")}


def test_the_model_needs_the_standard_library_only():
    allowed = sys.stdlib_module_names | {"identity"}
    assert [(path.name, name) for path in sources("identity/model") for _, name in imported(path) if name not in allowed] == []


def test_the_client_knows_nothing_of_the_server():
    server = {"identity", "authplugins", "catalog"}
    assert [(path.name, name) for path in sources("client") for _, name in imported(path) if name in server] == []
    assert sources("client")
