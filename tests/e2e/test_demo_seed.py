"""`gatestone demo --seed N`: a large cloud in the demo, which its users can enter, and which Ctrl-C ends in the middle."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

from tests.support.demo_world import demo_world
from tests.support.listener import GATESTONE, ROOT, until

USERS = 60


def test_seeded_users_enter_with_the_password_that_is_shown(tmp_path: Path) -> None:
    with demo_world(tmp_path / "demo", "--seed", str(USERS)) as world:
        shown = (tmp_path / "demo.out").read_text()
        told = re.search(r"seed-user-0 to seed-user-59, 12 projects and 1 domains; .* has the password (\S+)\n", shown)
        assert told, shown
        admin = {"X-Auth-Token": world.admin_token()}
        users = world.api.ask("GET", "/v3/users?name__startswith=seed-user-", headers=admin).json()["users"]
        assert len(users) == USERS
        one = next(user for user in users if user["name"] == "seed-user-41")
        held = world.api.ask("GET", f"/v3/users/{one['id']}/projects", headers=admin).json()["projects"]
        assert len(held) >= 3  # and what its group has
        proof = {"user": {"id": one["id"], "password": told[1]}}
        body = {"auth": {"identity": {"methods": ["password"], "password": proof}, "scope": {"project": {"id": held[0]["id"]}}}}
        answer = world.api.ask("POST", "/v3/auth/tokens", body=body)
        assert answer.status == 201
        assert answer.json()["token"]["user"]["name"] == "seed-user-41"
        assert answer.json()["token"]["roles"]


def test_ctrl_c_while_seeding_leaves_nothing(tmp_path: Path) -> None:
    home, output = tmp_path / "demo", tmp_path / "out"
    with output.open("wb") as out:
        command = [*GATESTONE, "demo", "--no-tour", "--dir", str(home), "--port", "0", "--x509-port", "0", "--seed", "1000000"]
        demo = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        database = home / "gatestone.db-wal"
        until(lambda: demo.poll() is not None or (database.exists() and database.stat().st_size > 5_000_000), 60, "rows")
        assert demo.poll() is None, output.read_text()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(20) == 130, output.read_text()
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait(10)
    assert "Gone: stopped by SIGINT" in output.read_text()
    assert not home.exists()
