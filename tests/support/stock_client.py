"""The stock `openstack` program, several commands in one process (its start costs more than all that it asks)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
