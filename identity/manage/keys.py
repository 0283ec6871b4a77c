"""`gatestone keys`: the keys that sign tokens, and those that seal stored secrets. They are never shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from ..tokens.rotation import Rotation


@click.group()
def keys() -> None:
    """Look after the keys that sign tokens, and those that seal stored secrets."""


@keys.command(name="list")
@options.config_file
@options.overrides
@options.as_json
def list_(config_file: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """List the keys of every spelling in use, and those of credentials: position 0 is staged, the highest seals."""
    settings = options.read_settings(config_file, overrides)
    from . import opening

    with opening.ready(settings) as store:
        rows = [
            {"provider": name, "position": key.position, "state": key.state, "created_at": round(key.created_at)}
            for name, source in opening.key_sources(settings, store).items()
            for key in source.listing()
        ]
    if as_json:
        options.print_json(rows)
    elif rows:
        _print_table(rows)
    else:
        click.echo("There are no keys: make some with `gatestone keys rotate`.")


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("provider", "position", "state", "made (UTC)", box=box.SIMPLE_HEAD)
    for row in rows:
        made = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(row["created_at"]))
        table.add_row(row["provider"], str(row["position"]), row["state"], made)
    Console(highlight=False).print(table)


@keys.command()
@options.config_file
@options.overrides
@options.as_json
@click.option("--provider", type=click.Choice(["fernet", "jws", "credential"]), help="Only this one; else every spelling in use.")
def rotate(config_file: str | None, overrides: tuple[str, ...], as_json: bool, provider: str | None) -> None:
    """Let the staged key seal, stage a fresh one, drop the oldest; the first run makes the first keys.

    Wait at least token.expiration / (fernet_tokens.max_active_keys - 2) between two rotations, or tokens end early; below 3
    keys, each rotation ends all of them. The keys of credentials are rotated by name only (else they are made, where there
    are none): every stored secret is sealed anew with the new key, so that none is lost.
    """
    settings = options.read_settings(config_file, overrides)
    from . import opening

    done: list[tuple[str, Rotation]] = []
    with opening.ready(settings) as store:
        sources = opening.key_sources(settings, store)
        if provider is not None and provider not in sources:
            raise click.UsageError(opening.unused(provider, settings))
        for name, source in sources.items():
            if provider == name or (provider is None and name != "credential"):
                done.append((name, opening.rotate(source, settings, store)))
            elif provider is None and opening.first(source):
                done.append((name, opening.FIRST))
    if as_json:
        options.print_json([{"provider": name, "primary": one.primary, "removed": list(one.removed)} for name, one in done])
        return
    for name, one in done:
        dropped = f"; dropped {', '.join(map(str, one.removed))}" if one.removed else ""
        click.echo(f"{name}: key {one.primary} seals now{dropped}")
    if not done:
        click.echo("Nothing to do: tokens of this spelling have no keys.")


@keys.command()
def master() -> None:
    """Print a fresh master key, for keys.master_key_file (mode 0600). Keep a copy: without it the keys are lost."""
    from ..tokens.keys import fresh_master_key

    click.echo(fresh_master_key())
