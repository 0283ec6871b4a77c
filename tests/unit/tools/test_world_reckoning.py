"""What the world makes of answers: which of them must never come, what a fault cost, and how it is drawn."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tools.world import plot, releases, report
from tools.world.clients import Answer
from tools.world.stage import Fault
from tools.world.tally import Kept, Sample, Tally


def answer(status: int, *, first: int | None = None, began: float = 10.0, ours: bool = True, **headers: str) -> Answer:
    first = status if first is None else first
    tries = 1 if first == status else 2
    return Answer("validate", began, began + 0.1, status, first, began + 0.05, "", tries, ours, headers, b"{}")


@pytest.mark.parametrize(
    ("status", "counted"), [(200, ""), (401, "tokens_lost"), (404, "tokens_lost"), (500, "server_errors"), (403, "unexpected")]
)
def test_a_good_token_is_shown_or_refused_for_a_reason(status: int, counted: str) -> None:
    tally = Tally()
    assert tally.valid(answer(status)) is (status == 200)
    assert dict(tally.counts) == ({counted: 1} if counted else {})


@pytest.mark.parametrize(("late", "staleness", "counted"), [(1.0, 0.0, 1), (1.0, 5.0, 0), (6.0, 5.0, 1)])
def test_a_revoked_token_that_is_taken_counts_beyond_the_staleness_allowed(late: float, staleness: float, counted: int) -> None:
    tally = Tally()
    tally.staleness = staleness
    tally.refused(answer(200, began=10.0 + late), Kept("t", "v3", since=10.0))
    assert tally.counts["revoked_accepted"] == counted
    assert tally.refused(answer(404), Kept("t", "v3", since=10.0))


def test_a_refusal_says_when_to_come_back_unless_a_load_balancer_wrote_it() -> None:
    tally = Tally()
    tally.valid(answer(503, **{"retry-after": "1"}))
    tally.valid(answer(503, ours=False))
    assert not tally.wrong
    tally.valid(answer(503))
    assert tally.counts["unexpected"] == 1


def test_the_cost_of_a_fault() -> None:
    tally = Tally()
    tally.valid(answer(200, began=1.0))
    tally.valid(answer(200, first=0, began=2.0))  # served at the second try
    tally.valid(answer(503, began=3.0, **{"retry-after": "1"}))
    fault = Fault("x", since=2.0)
    fault.measure(tally.samples)
    assert (fault.requests, fault.failed, fault.lost) == (3, 2, 1)
    assert fault.recovery_s == pytest.approx(1.1)
    told: Any = fault.as_json()
    assert {"name", "requests", "failed", "recovery_s"} <= told.keys()
    fault.measure(tally.samples[:1])
    assert fault.recovery_s == 0


def test_the_document_has_what_readers_of_it_ask_for() -> None:
    tally = Tally()
    told = report.document([Fault("x")], tally)
    assert [told[name] for name in report.COUNTED] == [0, 0, 0]
    assert report.complaints([Fault("x")], tally) == []
    tally.valid(answer(404))
    fault = Fault("x")
    fault.expect(False, "too late")
    assert report.complaints([fault], tally)[0] == "x: too late"
    assert "tokens_lost: 1" in report.complaints([fault], tally)


def test_the_picture(tmp_path: Path) -> None:
    now = time.monotonic()
    samples = [Sample("validate", now + n / 10, now + n / 10 + 0.02, 200, 200, now, "", True, n == 50, False) for n in range(100)]
    rows = plot.seconds(samples, now, now + 10)
    assert sum(row.served for row in rows) == 99 and sum(row.failed for row in rows) == 1
    fault = Fault("x", begun=now + 2, since=now + 2, ended=now + 6)
    plot.draw(tmp_path / "world.png", samples, [fault])
    with Image.open(tmp_path / "world.png") as image:
        assert image.format == "PNG" and image.width == 1500
        colours = image.convert("RGB").getcolors(1 << 24) or []
        assert len(colours) > 10  # curves, text and shades, not a blank sheet
    with pytest.raises(ValueError, match="no requests"):
        plot.draw(tmp_path / "none.png", [], [])


def test_two_later_releases_lead_from_this_one(tmp_path: Path) -> None:
    expand, contract = releases.following(tmp_path)
    steps = Path("identity", "store", "migrations")
    assert 'HEAD = "world1"' in (expand / steps / "__init__.py").read_text()
    assert 'HEAD = "world2"' in (contract / steps / "__init__.py").read_text()
    assert "add_column" in (contract / steps / "versions" / "world1.py").read_text()
    assert 'down_revision = "world1"' in (contract / steps / "versions" / "world2.py").read_text()
    assert releases.COLUMN in (expand / "identity" / "store" / "tables" / "__init__.py").read_text()
    assert releases.COLUMN not in (contract / "identity" / "store" / "tables" / "__init__.py").read_text()
