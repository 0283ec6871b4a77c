"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass

OK = "ok"
WARNING = "warning"
FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """`state`: ok, warning or failed. `cure` says what to do, and is empty for ok."""

    topic: str
    state: str
    text: str
    cure: str = ""


def ok(topic: str, text: str) -> Finding:
    return Finding(topic, OK, text)


def warning(topic: str, text: str, cure: str) -> Finding:
    return Finding(topic, WARNING, text, cure)


def failed(topic: str, text: str, cure: str) -> Finding:
    return Finding(topic, FAILED, text, cure)
