"""Keys at rest: the right master key, purpose and id, or one clear line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.errors import SettingsError
from identity.settings import Keys
from identity.tokens.wrapping import DamagedKey, Wrapping, WrongMasterKey

MASTER, OTHER = bytes(range(32)), bytes(range(1, 33))
SECRET = b"the signing key itself"


@settings(deadline=None)
@given(st.binary(max_size=400), st.text(max_size=64))
def test_round_trip(key, id):
    wrapping = Wrapping(MASTER, "fernet")
    assert wrapping.unwrap(id, wrapping.wrap(id, key)) == key


def test_same_key_never_gives_the_same_blob():
    wrapping = Wrapping(MASTER, "fernet")
    assert wrapping.wrap("a", SECRET) != wrapping.wrap("a", SECRET)
    assert SECRET not in wrapping.wrap("a", SECRET)


def test_another_master_key():
    blob = Wrapping(MASTER, "fernet").wrap("a", SECRET)
    with pytest.raises(WrongMasterKey) as fault:
        Wrapping(OTHER, "fernet").unwrap("a", blob)
    assert "keys.master_key" in str(fault.value) and "\n" not in str(fault.value)


def test_another_purpose_or_id():
    blob = Wrapping(MASTER, "fernet").wrap("a", SECRET)
    with pytest.raises(DamagedKey):
        Wrapping(MASTER, "jws").unwrap("a", blob)
    with pytest.raises(DamagedKey):
        Wrapping(MASTER, "fernet").unwrap("b", blob)


def test_every_flipped_byte_and_every_cut():
    blob = Wrapping(MASTER, "fernet").wrap("a", SECRET)
    for place in range(len(blob)):
        changed = bytearray(blob)
        changed[place] ^= 1
        for bad in (bytes(changed), blob[:place]):
            with pytest.raises((DamagedKey, WrongMasterKey)) as fault:
                Wrapping(MASTER, "fernet").unwrap("a", bad)
            assert "\n" not in str(fault.value)


def test_a_master_key_has_32_bytes():
    with pytest.raises(ValueError, match="32 bytes"):
        Wrapping(b"short", "fernet")


def test_master_key_settings(tmp_path):
    from identity.tokens.keys import fresh_master_key, master_key, master_key_findings

    text = fresh_master_key()
    file = tmp_path / "master"
    file.write_text(text + "\n")
    file.chmod(0o600)
    raw = master_key(Keys(master_key=text))
    assert raw is not None and len(raw) == 32
    assert master_key(Keys(master_key=text.rstrip("="))) == raw
    assert master_key(Keys(master_key_file=str(file))) == raw
    assert master_key(Keys()) is None
    assert master_key_findings(Keys(master_key_file=str(file))) == []
    file.chmod(0o644)
    assert "chmod 0600" in master_key_findings(Keys(master_key_file=str(file)))[0].cure


@pytest.mark.parametrize("content", [b"tooshort", b"\xff\xfe", b"", bytes(range(32)), b"a+/" * 20])
def test_bad_master_keys_are_one_line_and_stay_secret(tmp_path, content):
    from identity.tokens.keys import master_key, master_key_findings

    file = tmp_path / "master"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as fault:
        master_key(Keys(master_key_file=str(file)))
    assert len(fault.value.problems) == 1 and "gatestone keys master" in str(fault.value)
    assert master_key_findings(Keys(master_key_file=str(file)))[0].severe


def test_bad_master_key_settings(tmp_path):
    from identity.tokens.keys import master_key

    for wrong in (
        Keys(master_key="hunter2"),
        Keys(master_key="a", master_key_file="b"),
        Keys(master_key_file=str(tmp_path / "none")),
        Keys(master_key_file=str(tmp_path)),
    ):
        with pytest.raises(SettingsError) as fault:
            master_key(wrong)
        assert "hunter2" not in str(fault.value)
