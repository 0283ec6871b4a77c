"""The stock `openstack` program, several commands in one process (its start costs more than all that it asks)."""

from __future__ import annotations

import contextlib
import json
import queue
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from identity.manage.demo.processes import clean_environ

PROGRAM = Path(sys.executable).parent / "openstack"


class Client:
    """A started client. `answers()`: what each command printed, decoded; fails where one failed or the time is over."""

    def __init__(self, home: Path, commands: Sequence[str], environ: Mapping[str, str]) -> None:
        home.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [str(PROGRAM)],
            env=clean_environ({"HOME": str(home), "TMPDIR": str(home), "OS_IDENTITY_API_VERSION": "3", **environ}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._commands = "".join(f"{command} -f json\n" for command in commands)

    def ended(self, seconds: float = 40.0) -> tuple[int, str, str]:
        """Status, output and errors; TimeoutExpired where it hangs."""
        try:
            out, err = self._process.communicate(self._commands, timeout=seconds)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.communicate()
        return self._process.returncode, out, err

    def answers(self, seconds: float = 40.0) -> list[Any]:
        _, out, err = self.ended(seconds)  # the status of a session of several commands says nothing
        decoder, found = json.JSONDecoder(), []
        rest = out.lstrip()
        while rest:
            value, end = decoder.raw_decode(rest)
            found.append(value)
            rest = rest[end:].lstrip()
        assert len(found) == self._commands.count("\n"), (found, err)
        return found


def once(home: Path, environ: Mapping[str, str], *words: str, seconds: float = 40.0) -> Any:
    """The answer of one command in a process of its own, as people type it."""
    home.mkdir(exist_ok=True)
    told = {"HOME": str(home), "TMPDIR": str(home), "OS_IDENTITY_API_VERSION": "3", **environ}
    command = [str(PROGRAM), *words, "-f", "json"]
    done = subprocess.run(command, env=clean_environ(told), capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return json.loads(done.stdout)


class Conversation:
    """The client's interactive mode: one command after the other, so that a later one can use what an earlier one printed.

    A command is one line as in a shell; quotes work as there, but no word may hold a double quote (the client drops it).
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._number = 0
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def say(self, line: str, seconds: float = 20.0) -> str:
        """All that the client prints about a command, errors with it; queue.Empty where it hangs."""
        self._number += 1
        end = f"end-of-{self._number}"
        assert self._process.stdin is not None
        self._process.stdin.write(f"{' '.join(map(_spoken, shlex.split(line)))}\n!echo {end}\n")
        self._process.stdin.flush()
        found: list[str] = []
        while (printed := self._lines.get(timeout=seconds)).strip() != end:
            assert printed, f"the client has ended: {found}"
            found.append(printed)
        return "".join(found)

    def ask(self, line: str) -> Any:
        """What a command answers, decoded; fails with the client's own words where it prints anything else."""
        printed = self.say(f"{line} -f json")
        try:
            return json.loads(printed)
        except ValueError:
            raise AssertionError(f"{line}: {printed}") from None

    def column(self, line: str, name: str = "Name") -> list[Any]:
        """One column of a list, in its order."""
        return [row[name] for row in self.ask(line)]

    def does(self, line: str) -> None:
        """A command that says nothing where it succeeds."""
        printed = self.say(line).strip()
        assert not printed, f"{line}: {printed}"

    def refuses(self, line: str, *words: str) -> None:
        """A command that must fail, with each of these words in what it prints."""
        printed = self.say(line)
        assert printed.strip() and all(word in printed for word in words) and "Traceback" not in printed, f"{line}: {printed}"


@contextlib.contextmanager
def conversation(home: Path, environ: Mapping[str, str]) -> Iterator[Conversation]:
    """A started client until the end of the block."""
    home.mkdir(exist_ok=True)
    told = {"HOME": str(home), "TMPDIR": str(home), "OS_IDENTITY_API_VERSION": "3", "PYTHONUNBUFFERED": "1", **environ}
    process = subprocess.Popen(
        [str(PROGRAM)],
        env=clean_environ(told),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Conversation(process)
    finally:
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _spoken(word: str) -> str:
    """A word for the client's own shell: it takes one pair of quotes off before it splits the line."""
    assert '"' not in word, word
    quoted = shlex.quote(word)
    return word if quoted == word else f'"{quoted}"'
