"""`gatestone serve`: one listener in the foreground."""

from __future__ import annotations

from typing import Any

import click

from . import options


@click.command()
@options.config_file
@options.overrides
@click.option("--listener", type=click.Choice(["api", "x509"]), default="api", show_default=True, help="Which listener to run.")
def serve(config_file: str | None, overrides: tuple[str, ...], listener: str) -> None:
    """Answer requests until SIGTERM or Ctrl-C."""
    settings = options.read_settings(config_file, overrides)
    from ..wsgi import server

    def build() -> Any:
        from .. import app

        return app.build(settings)

    server.run(settings, listener=listener, build=build)
