"""Files that are not ours, named by a slip of the operator or put there by somebody else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from identity.errors import StartError
from identity.settings import Settings
from identity.wsgi import server
from tests.support.rawhttp import ask, serving


def test_a_file_in_the_place_of_the_socket_is_not_removed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    settings = Settings()
    settings = replace(settings, server=replace(settings.server, host=f"unix:{precious}"))
    with pytest.raises(StartError, match="is no socket"):
        server.bind(settings, "api")
    assert precious.read_text() == "kept"


def test_the_directory_of_counters_loses_nothing_else(tmp_path: Path) -> None:
    counters = tmp_path / "counters"
    counters.mkdir()
    gone = ["counter_999999999.db", "gauge_max_999999998.db", "histogram_999999997.db"]
    kept = ["backup_20240101999.db", "cloud_99999999.db", "counter_1.txt", "notes.db"]
    for name in (*gone, *kept):
        (counters / name).write_text("x")
    with serving(tmp_path, {"server": {"workers": 1, "metrics_dir": str(counters)}}) as served:
        assert ask(served.address, "GET", "/v3/echo").status == 200
        found = {path.name for path in counters.iterdir()}
    assert found.isdisjoint(gone) and found.issuperset(kept)
