"""stestr as a child: its tests one by one as they end, a time limit, and an end to all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from identity.manage.demo.processes import DIES_WITH_US

from .outcome import Result, parse
from .workspace import VENV, environ

_GRACE = 10.0  # seconds in which a worker may clean up after itself


class Run:
    """One run in a prepared directory. Iterate over it for the results; `overdue` tells afterwards whether it was cut short."""

    def __init__(self, directory: Path, *, workers: int, limit: float) -> None:
        self.overdue = False
        self._directory = directory
        self._workers = workers
        self._limit = limit
        self._environ = environ(directory)
        self._errors = directory / "stestr.err"

    def __iter__(self) -> Iterator[Result]:
        with self._children() as (runner, reader):
            timer = threading.Timer(self._limit, self._cut, [runner])
            timer.daemon = True
            timer.start()
            try:
                assert reader.stdout is not None
                for line in reader.stdout:
                    yield parse(line)
            finally:
                timer.cancel()

    def errors(self) -> str:
        """What stestr said beside its results."""
        return self._errors.read_text(errors="replace").strip()

    @contextlib.contextmanager
    def _children(self) -> Iterator[tuple[subprocess.Popen[bytes], subprocess.Popen[str]]]:
        python = str(VENV / "bin" / "python")
        words = ["run", "--subunit", "--concurrency", str(self._workers)]
        if (self._directory / "include").stat().st_size:
            words += ["--include-list", "include"]
        reader_program = Path(__file__).with_name("subunit_lines.py")
        with self._errors.open("wb") as errors:
            # A session of its own: the workers of stestr are found, and ended, as one group.
            runner = subprocess.Popen(
                [*DIES_WITH_US, python, str(VENV / "bin" / "stestr"), *words],
                cwd=self._directory,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            try:
                with subprocess.Popen(
                    [*DIES_WITH_US, python, str(reader_program)],
                    env=self._environ,
                    stdin=runner.stdout,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                ) as reader:
                    assert runner.stdout is not None
                    runner.stdout.close()
                    try:
                        yield runner, reader
                    except BaseException:
                        reader.kill()
                        raise
            finally:
                _end(runner)

    def _cut(self, runner: subprocess.Popen[bytes]) -> None:
        self.overdue = True
        _end(runner)


def _end(runner: subprocess.Popen[bytes]) -> None:
    """Every process of the group: asked first, killed after a while."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(runner.pid, number)
        end = time.monotonic() + _GRACE
        while time.monotonic() < end:
            runner.poll()
            try:
                os.killpg(runner.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)
