"""Files and functions stay small, packages say what they own, and nothing in the tree points outside of it."""

import ast
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("identity", "authplugins", "catalog", "client")
PASSED_OVER = re.compile(r"^(\.(?!ci$|github$).*|build|dist|__pycache__|.*\.egg-info)$")
EMPTY_WORDS = {"utils", "util", "core", "common", "base", "manager", "managers", "helper", "helpers", "misc"}
# Spelt in two halves, so that this file does not name them itself.
REGISTRIES = ["pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org", "proxy.golang" + ".org"]


def walk(*tops):
    """Every file below the tops, without what is made at setup."""
    for top in tops:
        for folder, folders, names in os.walk(ROOT / top):
            folders[:] = [name for name in folders if not PASSED_OVER.match(name)]
            yield from (Path(folder) / name for name in names)


def sources(*tops):
    found = sorted(path for path in walk(*tops) if path.suffix == ".py")
    assert found
    return found


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("top", [*PRODUCT, "tests", "tools"])
def test_no_file_is_longer_than_400_lines(top):
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(top)}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


@pytest.mark.parametrize("top", PRODUCT)
def test_no_function_is_longer_than_60_lines(top):
    long = []
    for path in sources(top):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno - node.lineno + 1 > 60:
                long.append(f"{name_of(path)}:{node.lineno} {node.name}")
    assert long == []


@pytest.mark.parametrize("top", ["identity", "authplugins", "catalog"])
def test_every_folder_of_the_server_is_a_package_that_says_what_it_owns(top):
    for folder in sorted({path.parent for path in sources(top)}):
        opening = folder / "__init__.py"
        assert opening.is_file(), f"{name_of(folder)} would be missing from the built distribution"
        assert ast.get_docstring(ast.parse(opening.read_text(encoding="utf-8"))), name_of(opening)


@pytest.mark.parametrize("top", PRODUCT)
def test_every_module_says_what_it_is(top):
    mute = [name_of(path) for path in sources(top) if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert mute == []


@pytest.mark.parametrize("top", PRODUCT)
def test_modules_are_named_after_the_field(top):
    assert [name_of(path) for path in sources(top) if path.stem in EMPTY_WORDS or path.parent.name in EMPTY_WORDS] == []


def test_no_file_names_a_package_registry():
    found = []
    for path in walk("."):
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{name_of(path)}: {host}" for host in REGISTRIES if host in text]
    assert found == []


def test_packages_that_are_shipped_carry_the_licence():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
