"""`gatestone db`: the database's schema, and rows that nobody needs any more."""

from __future__ import annotations

import time

import click

from . import options

CLOCKS_APART = 86400  # seconds: the log is kept a day longer than tokens live, whatever the hosts' clocks say


@click.group()
def db() -> None:
    """Look after the database: its schema, and what it no longer needs."""


@db.command()
@options.config_file
@options.overrides
@options.as_json
def upgrade(config_file: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Bring the schema to what this version needs; changes nothing when it is there. Old workers may go on meanwhile."""
    settings = options.read_settings(config_file, overrides)
    from ..store import migrations
    from . import opening

    with opening.opened(settings) as store:
        before = migrations.current(store)
        after = migrations.upgrade(store)
    if as_json:
        options.print_json({"before": before, "after": after})
    else:
        click.echo(
            f"The schema is current ({after})." if before == after else f"The schema went from {before or 'nothing'} to {after}."
        )


@db.command()
@options.config_file
@options.overrides
@options.as_json
def current(config_file: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Say which revision the schema has."""
    settings = options.read_settings(config_file, overrides)
    from ..store import migrations
    from . import opening

    with opening.opened(settings) as store:
        found = migrations.current(store)
    if as_json:
        options.print_json({"current": found, "needed": migrations.HEAD})
    else:
        click.echo(found or "none: the database is empty")


@db.command()
@options.config_file
@options.overrides
@options.as_json
def check(config_file: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Exit code 0 if the schema is what this version needs, else 1 and what to do."""
    settings = options.read_settings(config_file, overrides)
    from ..store import migrations
    from . import opening

    with opening.opened(settings) as store:
        fault = migrations.check(store)
    if as_json:
        options.print_json({"fault": fault})
    else:
        click.echo(fault or f"The schema is current ({migrations.HEAD}).", err=bool(fault))
    if fault:
        raise SystemExit(1)


@db.command()
@options.config_file
@options.overrides
@options.as_json
def purge(config_file: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Drop what no live token can need: kept tokens that have run out, and changes older than every token. Run it daily."""
    settings = options.read_settings(config_file, overrides)
    from ..store import epoch, tokens
    from . import opening

    now = time.time()
    kept = settings.token.allow_expired_window
    with opening.ready(settings) as store, store.begin() as tx:
        dropped = {
            "tokens": tokens.purge(tx, now - kept),
            "changes": epoch.prune(tx, now - settings.token.expiration - kept - CLOCKS_APART),
        }
    if as_json:
        options.print_json(dropped)
    else:
        click.echo(f"Dropped {dropped['tokens']} tokens and {dropped['changes']} changes.")
