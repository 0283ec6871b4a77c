"""A program for the suites' own interpreter: reads a subunit stream, writes a JSON line a finished test.

It runs in .venv-conformance, which has the subunit library and none of our code.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import subunit  # type: ignore[import-not-found]
import testtools  # type: ignore[import-not-found]


def text_of(details: dict[str, Any], *names: str) -> str:
    """The first of these details that is text; a second traceback is called traceback-1."""
    for name, content in details.items():
        if name.split("-")[0] in names and content.content_type.type == "text":
            return str(content.as_text())
    return ""


def tell(test: dict[str, Any]) -> None:
    if test["status"] == "exists":
        return
    begun, ended = test["timestamps"]
    line = {
        "status": test["status"],
        "seconds": (ended - begun).total_seconds() if begun and ended else 0.0,
        "id": test["id"],
        "reason": text_of(test["details"], "traceback", "reason"),
    }
    print(json.dumps(line), flush=True)


def main() -> None:
    result = testtools.StreamToDict(tell)
    result.startTestRun()
    subunit.ByteStreamToStreamResult(sys.stdin.buffer, non_subunit_name="stdout").run(result)
    result.stopTestRun()


if __name__ == "__main__":
    main()
