"""`gatestone render`: the configuration of every host of a site, from one description."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import StartError
from .site import filling, reading


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
    if kind == "all":
        kinds = [
            one for one in filling.KINDS if host is None or any(name.startswith(f"{host}/") for name in filling.files(site, one))
        ]
        made = {name: text for one in kinds for name, text in filling.files(site, one, host).items()}
    else:
        made = filling.files(site, kind, host)
    if out is not None:
        _write(Path(out), made)
    elif len(made) == 1:
        click.echo(next(iter(made.values())), nl=False)
    elif not made:
        raise StartError(f"this site has nothing for {kind}")
    else:
        raise click.UsageError(f"{len(made)} files: name one with --host, or a directory with --out ({', '.join(made)})")


def _write(directory: Path, made: dict[str, str]) -> None:
    for name, text in made.items():
        target = directory / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        except OSError as error:
            raise StartError(f"cannot write {target} ({error.strerror}): name another directory with --out") from None
        click.echo(str(target))
