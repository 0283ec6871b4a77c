"""`gatestone render`: the configuration of every host of a site, from one description."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import SettingsError, StartError
from .site import filling, reading
from .site.description import Site


@click.command()
@click.argument("kind", type=click.Choice([*filling.KINDS, "all"]))
@click.option("--site", "file", metavar="FILE", default="site.toml", show_default=True, help="The site's description.")
@click.option("--host", metavar="NAME", help="The file of this host only.")
@click.option("--out", metavar="DIR", help="Write files below this directory; without it, print one.")
def render(kind: str, file: str, host: str | None, out: str | None) -> None:
    """Write the configuration of load balancers, back ends, Apache and containers.

    The same description gives the same bytes, so a difference in them is a difference in the site.
    """
    site = reading.load(Path(file))
    made = _all(site, host) if kind == "all" else filling.files(site, kind, host)
    if out is not None:
        _write(Path(out), made)
    elif len(made) == 1:
        click.echo(next(iter(made.values())), nl=False)
    elif not made:
        raise StartError(f"this site has nothing for {kind}")
    else:
        raise click.UsageError(f"{len(made)} files: name one with --host, or a directory with --out ({', '.join(made)})")


def _all(site: Site, host: str | None) -> dict[str, str]:
    """Files of every kind. A site that cannot be containers has no file for them, and its other files nevertheless."""
    made: dict[str, str] = {}
    for kind in filling.KINDS:
        try:
            made |= filling.files(site, kind)
        except SettingsError as fault:
            if kind != "compose":
                raise
            if host is None:
                click.echo(f"no docker-compose.yml: {'; '.join(fault.problems)}", err=True)
    if host is None:
        return made
    found = {name: text for name, text in made.items() if name.startswith(f"{host}/")}
    if not found:
        known = ", ".join(sorted({name.partition("/")[0] for name in made if "/" in name}))
        raise SettingsError([f"--host {host}: no file is for that host; known are {known}"])
    return found


def _write(directory: Path, made: dict[str, str]) -> None:
    for name, text in made.items():
        target = directory / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        except OSError as error:
            raise StartError(f"cannot write {target} ({error.strerror}): name another directory with --out") from None
        click.echo(str(target))
