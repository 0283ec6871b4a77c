"""`gatestone serve`: one listener in the foreground."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from ..errors import SettingsError
from ..settings import Settings
from . import consistency, options


@click.command()
@options.config_file
@options.overrides
@click.option(
    "--listener", type=click.Choice(["api", "x509", "hop"]), default="api", show_default=True, help="Which listener to run."
)
@click.option("--cell", is_flag=True, help="Serve as a cell: validate, log service accounts in, and write nothing.")
def serve(config_file: str | None, overrides: tuple[str, ...], listener: str, cell: bool) -> None:
    """Answer requests until SIGTERM or Ctrl-C."""
    asked = options.read_settings(config_file, overrides)
    if cell:
        asked = replace(asked, cell=replace(asked.cell, enabled=True))
    found = consistency.mistakes(asked)
    if found:
        raise SettingsError(found)
    from ..wsgi import observe, server

    settings = _with_port(asked, listener)
    gateways: list[Any] = []

    def build() -> Any:
        from .. import app

        for line in consistency.warnings(asked):
            observe.log().warning("settings", message=line)
        gateways.append(app.build(settings))
        return gateways[0]

    def tell(host: str, port: int, pid: int) -> None:
        """Once it answers: where, and whether it can serve. It goes on either way, for what is away may come back."""
        observe.log().info("listening", listener=listener, host=host, port=port, pid=pid)
        for part, why in gateways[0].health()["detail"].items():
            observe.log().error("not ready", part=part, message=f"{why}: run `gatestone doctor`")
        gateways[0].store.close()  # the master keeps no connection for workers to inherit

    server.run(settings, listener=listener, build=build, on_ready=tell)


def _with_port(settings: Settings, listener: str) -> Settings:
    """Where any free port will do, the settings with one: links name it, so it is taken before the application is made."""
    from ..wsgi import server

    section = "server" if listener == "api" else listener
    part = getattr(settings, section)
    if part.port or part.host.startswith("unix:"):
        return settings
    with server.bind(settings, listener) as sock:
        port = sock.getsockname()[1]
    changed: dict[str, Any] = {section: replace(part, port=port)}
    return replace(settings, **changed)
