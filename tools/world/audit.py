"""The last word: everything that a client was ever told is looked at again, on a quiet and healthy site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from .clients import Client
from .load import Load, admin_token, logs_in
from .tally import Kept

_SHARES = 3


def audit(load: Load) -> None:
    """Blames in the tally every token that does not validate, revocation not kept, grant that is gone, user half made."""
    tally = load.tally
    token = load.run(lambda client: admin_token(client, load.password))
    work: list[Callable[[Client], None]] = [
        *(partial(_live, load, token, kept) for kept in tally.live),
        *(partial(_revoked, load, token, kept) for kept in tally.revoked),
        *(partial(_granted, load, token, user, name) for user, name in tally.granted),
        *(partial(_whole, load, token, name) for name in tally.doubtful),
    ]
    shares = [work[start::_SHARES] for start in range(_SHARES)]
    with ThreadPoolExecutor(_SHARES) as pool:
        for done in [pool.submit(load.run, partial(_all, share)) for share in shares]:
            done.result()


def _all(share: Sequence[Callable[[Client], None]], client: Client) -> None:
    for look in share:
        look(client)


def _live(load: Load, token: str, kept: Kept, client: Client) -> None:
    status = load.validate(client, token, kept.token, kept.api).status
    if status != 200:
        load.tally.blame("tokens_lost", f"at the end: {status} for a token that was issued and not revoked")


def _revoked(load: Load, token: str, kept: Kept, client: Client) -> None:
    status = load.validate(client, token, kept.token, kept.api).status
    if status != 404:
        load.tally.blame("revoked_accepted" if status == 200 else "unexpected", f"at the end: {status} for a revoked token")


def _granted(load: Load, token: str, user: str, name: str, client: Client) -> None:
    account = load.account
    path = f"/main/v3/projects/{account.project}/users/{user}/roles/{account.role}"
    status = client.ask("audit", "HEAD", path, token=token).status
    if status != 204:
        load.tally.blame("grants_lost", f"at the end: {status} for the acknowledged grant of {name}")


def _whole(load: Load, token: str, name: str, client: Client) -> None:
    """Not acknowledged: it is there with all that belongs to it, or not at all."""
    found = client.ask("audit", "GET", f"/main/v3/users?name={name}", token=token).json()["users"]
    if found and not logs_in(client, name):
        load.tally.blame("half_done", f"{name} exists, and cannot log in")
