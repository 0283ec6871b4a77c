"""What may be the name of a user that somebody else vouches for."""

from __future__ import annotations

from identity.errors import Unauthorized

_LONGEST = 255  # characters, as Keystone stores a name


def user_name(name: str, source: str, headers: tuple[tuple[str, str], ...] = ()) -> str:
    """The name unchanged. Unauthorized, with these headers, where it is empty, too long, or looks like another when printed."""
    if not name or len(name) > _LONGEST:
        raise Unauthorized(reason=f"{source}: a user name of {len(name)} characters", headers=headers)
    if not name.isprintable() or name != name.strip():
        raise Unauthorized(reason=f"{source}: a user name with control characters or outer blanks", headers=headers)
    return name
