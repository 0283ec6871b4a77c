"""Results of the conformance suites: how a line becomes a result, what is compared with Keystone, and what is run again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tools.conformance import outcome, report
from tools.conformance.outcome import Comparison, Result

FACTS = Path(__file__).parents[3] / "tests" / "conformance" / "keystone-30.tsv"
FAST = FACTS.with_name("fast.txt")
REGION = "keystone_tempest_plugin.tests.rbac.v3.test_region.SystemAdminTests"


def line(status: str, test_id: str, reason: str = "") -> str:
    return json.dumps({"status": status, "seconds": 0.5, "id": test_id, "reason": reason})


@pytest.mark.parametrize(
    ("told", "status"), [("success", "pass"), ("xfail", "pass"), ("skip", "skip"), ("fail", "fail"), ("uxsuccess", "fail")]
)
def test_the_words_of_subunit(told: str, status: str) -> None:
    assert outcome.parse(line(told, "a.B.test_c")).status == status


def test_a_test_that_never_ended_is_a_failure_and_says_so() -> None:
    found = outcome.parse(line("inprogress", "a.B.test_c"))
    assert (found.status, found.reason) == ("fail", "did not end:")


def test_tags_are_no_part_of_the_id() -> None:
    assert outcome.parse(line("success", "a.B.test_c[id-12-34,negative,smoke]")).id == "a.B.test_c"
    assert outcome.bare("a.B.test_c") == "a.B.test_c"


def test_the_reason_is_the_last_exception_with_its_details() -> None:
    text = """Traceback (most recent call last):
  File "x.py", line 1, in f
    g()
pkg.NotFound: no
During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "y.py", line 2, in h
    raise Mistake
pkg.Mistake: 3 != 4
Details:\tmore\n"""
    assert outcome.parse(line("fail", "a.B.test_c", text)).reason == "pkg.Mistake: 3 != 4 Details: more"
    assert outcome.parse(line("skip", "a.B.test_c", "Federation is off")).reason == "Federation is off"


def test_comparison_names_what_is_worse_better_and_not_run() -> None:
    facts = {
        "m.A.worse": "pass",
        "m.A.both": "fail",
        "m.A.better": "fail",
        "m.A.good": "pass",
        "m.B.unset": "pass",
        "m.C.lost": "pass",
    }
    results = [
        Result("fail", 0, "m.A.worse"),
        Result("fail", 0, "m.A.both"),
        Result("pass", 0, "m.A.better"),
        Result("pass", 0, "m.A.good"),
        Result("fail", 0, "m.A.new"),
        Result("fail", 0, "setUpClass (m.B)"),
    ]
    found = outcome.compare(results, facts, facts)
    assert found.worse == ("m.A.new", "m.A.worse", "setUpClass (m.B)")
    assert (found.better, found.unset, found.missing) == (("m.A.better",), ("m.B.unset",), ("m.C.lost",))
    assert outcome.compare(results, facts, ["m.A.good"]).missing == ()


def test_what_did_not_pass_is_run_again_and_a_class_that_was_not_set_up_whole() -> None:
    results = [
        Result("pass", 0, "m.A.good"),
        Result("fail", 0, "m.A.bad"),
        Result("fail", 0, "setUpClass (m.B)"),
        Result("fail", 0, "m.B.odd"),
    ]
    patterns = outcome.again(results)
    ids = ["m.A.good", "m.A.bad[id-1]", "m.A.bad_too", "m.B.one", "m.BB.one"]
    assert [name for name in ids if any(re.search(one, name) for one in patterns)] == ["m.A.bad[id-1]", "m.B.one"]


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    results = [Result("fail", 1.25, "m.B.b", "why"), Result("pass", 0.5, "m.A.a")]
    outcome.write(tmp_path / "made" / "r.tsv", results)
    assert outcome.read(tmp_path / "made" / "r.tsv") == [results[1], results[0]]


def test_counts_a_suite_and_in_all() -> None:
    results = [
        Result("pass", 0, f"{REGION}.a"),
        Result("fail", 0, f"setUpClass ({REGION})"),
        Result("skip", 0, "tempest.api.identity.v3.x"),
    ]
    assert outcome.tally(results) == [
        ("tempest.api.identity", 0, 0, 1),
        ("keystone_tempest_plugin.tests.rbac", 1, 1, 0),
        ("all", 1, 1, 1),
    ]
    text = report.summary(results, outcome.compare(results, {}, []), 61.4)
    assert text.splitlines()[-1] == "passed 1, failed 1, skipped 1 in 61 s"


def test_the_verdict() -> None:
    nothing = Comparison((), (), (), ())
    good = [Result("pass", 0, f"m.A.t{number}") for number in range(report.FULL)]
    assert report.verdict(good, nothing, whole=True) == []
    assert report.verdict(good[1:], nothing, whole=True) == [f"{report.FULL - 1} tests passed, {report.FULL} pass on Keystone"]
    assert report.verdict([*good, Result("fail", 0, "m.A.known")], nothing, whole=True) == []
    assert report.verdict([good[0], Result("fail", 0, "m.A.known")], nothing, whole=False) == ["1 failed"]
    assert report.verdict([], nothing, whole=False) == ["no test passed"]
    assert report.verdict(good, Comparison((), (), (), ("m.A.lost",)), whole=True) != []


def test_the_table_of_facts_has_every_test_of_keystones_run() -> None:
    facts = outcome.load_facts(FACTS)
    assert len(facts) == 2118
    assert sum(status == "pass" for status in facts.values()) == report.FULL
    assert set(facts.values()) == {"pass", "fail", "skip"}


def test_the_fast_subset_names_classes_of_the_table_with_every_family_and_every_persona() -> None:
    classes = {outcome.class_of(name) for name in outcome.load_facts(FACTS)}
    chosen = {found for text in FAST.read_text().splitlines() if (found := text.partition("#")[0].strip())}
    assert chosen <= classes
    rbac = {tuple(name.split(".")[4:]) for name in classes if ".rbac.v3." in name}
    mine = {tuple(name.split(".")[4:]) for name in chosen if ".rbac.v3." in name}
    assert {family for family, _ in mine} == {family for family, _ in rbac}
    assert {persona for _, persona in mine} == {persona for _, persona in rbac}
