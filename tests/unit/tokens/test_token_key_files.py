"""Key directories: reading, being changed from outside, rotation and crashes in the middle of it."""

import os
import stat
import threading
import time

import pytest

from identity.errors import StartError, Unavailable
from identity.tokens import key_files, rotation
from identity.tokens.keys import DirectoryKeys


def names(path):
    return sorted(os.listdir(path), key=lambda name: (len(name), name))


def held(keys):
    return tuple(keys.keys())


@pytest.fixture(params=["fernet", "jws"])
def keys(request, tmp_path):
    made = DirectoryKeys(tmp_path / "keys", request.param)
    assert rotation.create(made, time.time)
    return made


def test_first_keys(keys):
    assert names(keys.path) == ["0", "1"]
    assert not rotation.create(keys, time.time)
    assert keys.primary() == (keys.path / "1").read_bytes()
    assert [(info.position, info.state) for info in keys.listing()] == [(1, "primary"), (0, "staged")]
    assert keys.findings() == []
    assert stat.S_IMODE(os.stat(keys.path).st_mode) == 0o700
    assert {stat.S_IMODE(os.stat(keys.path / name).st_mode) for name in ("0", "1")} == {0o600}


def test_rotation_promotes_the_staged_key_and_drops_the_oldest(keys):
    staged, first = keys.keys()[-1], keys.primary()
    assert rotation.rotate(keys, 3, time.time) == rotation.Rotation(2, ())
    assert keys.primary() == staged
    assert first in held(keys)
    assert rotation.rotate(keys, 3, time.time) == rotation.Rotation(3, (1,))
    assert names(keys.path) == ["0", "2", "3"]
    assert first not in held(keys)
    assert rotation.rotate(keys, 2, time.time) == rotation.Rotation(4, (2, 3))
    assert rotation.rotate(keys, 1, time.time) == rotation.Rotation(0, (4, 5))
    assert names(keys.path) == ["0"]


def test_an_empty_repository_gets_its_first_keys(tmp_path):
    keys = DirectoryKeys(tmp_path / "a" / "b")
    with pytest.raises(Unavailable):
        keys.keys()
    assert keys.findings()[0].severe
    assert rotation.rotate(keys, 3, time.time) == rotation.Rotation(1, ())
    assert len(keys.keys()) == 2


def test_keys_are_the_same_object_until_they_change(keys):
    first = keys.keys()
    assert keys.keys() is first
    assert not keys.reload()
    assert keys.keys() is first
    rotation.rotate(DirectoryKeys(keys.path, keys.kind.purpose), 3, time.time)  # another process
    assert keys.keys() is not first
    assert len(keys.keys()) == 3


def test_a_settled_directory_is_not_listed_again(keys, monkeypatch):
    for name in (*os.listdir(keys.path), "."):
        os.utime(keys.path / name, (1_700_000_000, 1_700_000_000))
    found = keys.keys()
    listed = []
    monkeypatch.setattr(key_files.os, "listdir", lambda path: listed.append(path) or [])
    for _ in range(20):
        assert keys.keys() is found
    assert listed == []


def test_a_file_written_in_place_is_seen_at_the_recheck(keys, monkeypatch):
    for name in (*os.listdir(keys.path), "."):
        os.utime(keys.path / name, (1_700_000_000, 1_700_000_000))
    keys.keys()
    other = keys.kind.fresh()
    with open(keys.path / "1", "r+b") as file:
        file.write(other)
        file.truncate()
    later = time.monotonic() + 6
    monkeypatch.setattr(key_files.time, "monotonic", lambda: later)
    assert keys.primary() == other


def test_rubbish_is_left_out_and_found(keys):
    good = keys.keys()
    (keys.path / "7").write_bytes(b"")
    (keys.path / "8").write_bytes(b"torn")
    (keys.path / "9.bak").write_bytes(keys.kind.fresh())
    (keys.path / "09").write_bytes(keys.kind.fresh())
    (keys.path / "10").mkdir()
    os.chmod(keys.path, 0o755)
    os.chmod(keys.path / "1", 0o644)
    assert keys.keys() == good
    cures = [finding.cure for finding in keys.findings()]
    assert any("chmod 0700" in cure for cure in cures)
    assert any(cure == f"chmod 0600 {keys.path / '1'}" for cure in cures)
    assert {f"remove {keys.path / '7'}", f"remove {keys.path / '8'}"} <= set(cures)
    assert not any(finding.severe for finding in keys.findings())


def test_a_trailing_line_break_and_links_are_fine(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "keys").mkdir()
    keys = DirectoryKeys(tmp_path / "keys")
    key = keys.kind.fresh()
    (tmp_path / "data" / "real").write_bytes(key + b"\n")
    (tmp_path / "keys" / "1").symlink_to(tmp_path / "data" / "real")
    assert keys.keys() == (key,)


def test_all_keys_removed_closes_the_door(keys):
    keys.keys()
    for name in ("0", "1"):
        (keys.path / name).unlink()
    with pytest.raises(Unavailable):
        keys.keys()
    with pytest.raises(StartError, match="gatestone keys rotate"):
        keys.reload()


class Crash(Exception):
    pass


@pytest.mark.parametrize("step", range(10))
def test_a_crash_at_any_step_leaves_a_repository_that_works(keys, monkeypatch, step):
    """Dies before the given one of all writing system calls; then a reader opens all that it must, and a rotation finishes."""
    rotation.rotate(keys, 3, time.time)
    before, staged = keys.keys(), keys.keys()[-1]
    left = [step]

    def dying(real):
        def call(*arguments, **named):
            if not left[0]:
                raise Crash
            left[0] -= 1
            return real(*arguments, **named)

        return call

    with monkeypatch.context() as patch:
        for name in ("rename", "unlink", "fsync", "fchmod"):
            patch.setattr(rotation.os, name, dying(getattr(os, name)))
        try:
            rotation.rotate(keys, 3, time.time)
        except Crash:
            crashed = True
        else:
            crashed = False
    assert crashed == (step < 8)
    reader = DirectoryKeys(keys.path, keys.kind.purpose)
    assert reader.primary() in (before[0], staged)
    assert before[0] in held(reader) and staged in held(reader)
    had_staged = (keys.path / "0").exists()
    primary = reader.primary()
    rotation.rotate(reader, 3, time.time)
    assert len(reader.keys()) == 3 and (keys.path / "0").exists()
    assert primary in held(reader)
    if not had_staged:
        assert reader.primary() == primary  # the cut-off rotation was finished, not a second one begun


def test_two_rotations_at_once(keys):
    barrier = threading.Barrier(4)

    def run():
        barrier.wait(10)
        rotation.rotate(DirectoryKeys(keys.path, keys.kind.purpose), 10, time.time)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert names(keys.path) == ["0", "1", "2", "3", "4", "5"]
    assert len(set(keys.keys())) == 6


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(StartError, match="cannot make keys") as fault:
            rotation.create(DirectoryKeys(path), time.time)
        assert "\n" not in str(fault.value)
