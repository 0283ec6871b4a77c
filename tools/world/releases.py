"""The code that the hosts run: copies of this checkout, among them two later releases that alter the schema.

The next release adds a column and writes it (expand); the one after no longer knows it, and then drops it (contract). Old and new
run against one schema at each step: that is what Gatestone's migrations promise (docs/decisions).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .processes import ROOT, WorldFault

_PACKAGES = ("identity", "authplugins", "catalog", "haproxy", "apache")
_MIGRATIONS = Path("identity", "store", "migrations")
TABLE, COLUMN, VALUE = "user_account", "world_note", "by-the-next-release"

_STEP = '''"""A step of the world's own."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    {change}
'''
_EXPAND = f'op.add_column("{TABLE}", sa.Column("{COLUMN}", sa.String(length=64), server_default="", nullable=False))'
_CONTRACT = f'op.drop_column("{TABLE}", "{COLUMN}")'
# SQLAlchemy writes a column that has a default of its own in every INSERT of the table.
_USES_IT = f"""

import sqlalchemy as _sa

metadata.tables["{TABLE}"].append_column(
    _sa.Column("{COLUMN}", _sa.String(length=64), default="{VALUE}", server_default="", nullable=False)
)
"""


def present(directory: Path) -> Path:
    """This checkout as it is now: nobody's editing disturbs a run."""
    return _copy(directory / "release-present")


def following(directory: Path) -> tuple[Path, Path]:
    """The release that adds the column, and the one that drops it."""
    expand = _copy(directory / "release-next")
    before = _head(expand)
    _add_step(expand, before, "world1", _EXPAND)
    tables = expand / "identity" / "store" / "tables" / "__init__.py"
    tables.write_text(tables.read_text() + _USES_IT)
    contract = _copy(directory / "release-after-next")
    _add_step(contract, before, "world1", _EXPAND)
    _add_step(contract, "world1", "world2", _CONTRACT)
    return expand, contract


def _copy(target: Path) -> Path:
    for package in _PACKAGES:
        shutil.copytree(ROOT / package, target / package)  # with its byte code: the starts are quick
    return target


def _head(tree: Path) -> str:
    found = re.search(r'^HEAD = "(\w+)"$', (tree / _MIGRATIONS / "__init__.py").read_text(), re.M)
    if found is None:
        raise WorldFault("identity/store/migrations does not name its HEAD")
    return found[1]


def _add_step(tree: Path, before: str, revision: str, change: str) -> None:
    step = _STEP.format(revision=revision, before=before, change=change)
    (tree / _MIGRATIONS / "versions" / f"{revision}.py").write_text(step)
    file = tree / _MIGRATIONS / "__init__.py"
    file.write_text(file.read_text().replace(f'HEAD = "{_head(tree)}"', f'HEAD = "{revision}"'))
