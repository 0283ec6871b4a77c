"""The table of authentication methods."""

import pytest

from identity.tokens.methods import FURTHER_METHODS, KEYSTONE_METHODS, MethodTable


def test_keystones_default_order_gives_the_bits():
    table = MethodTable()
    assert [table.number([name]) for name in KEYSTONE_METHODS] == [1, 2, 4, 8, 16, 32, 64]
    assert table.number(["kerberos"]) == 128
    assert table.number(["password", "password", "token"]) == 6


def test_names_come_latest_bit_first():
    assert MethodTable().names[7] == ("token", "password", "external")
    assert MethodTable().names[0] == ()


def test_a_keystone_with_its_own_list_is_followed():
    table = MethodTable(keystone=["password", "totp", "token"], extra=["badge"])
    assert table.names[7] == ("token", "totp", "password")
    assert table.names[table.number(["external", "kerberos", "badge"])] == ("badge", "kerberos", "external")


def test_unknown_bits_are_left_out_and_unknown_names_refused():
    assert MethodTable().names[2 | 1 << 60] == ("password",)
    with pytest.raises(ValueError, match="no place"):
        MethodTable().number(["badge"])


@pytest.mark.parametrize("number", [-1, "2", 1.5, None, b"\2", []])
def test_other_types_are_no_number(number):
    with pytest.raises(TypeError):
        MethodTable().names[number]


def test_the_memory_is_bounded():
    table = MethodTable()
    for number in range(3000):
        assert len(table.names[number]) == sum(
            bool(number >> place & 1) for place in range(len(KEYSTONE_METHODS + FURTHER_METHODS))
        )
    assert len(table.names) <= 1024


def test_a_number_has_room_for_63():
    with pytest.raises(ValueError, match="63"):
        MethodTable(extra=[f"m{n}" for n in range(64)])
