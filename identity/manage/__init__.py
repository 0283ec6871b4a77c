"""The operator's commands, each a file; owns their words and their way of telling mistakes.

Depends on everything below; nothing may depend on it. A command's imports are paid for only when it runs.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from .. import __version__
from ..errors import Problem, SettingsError, StartError

_COMMANDS = {
    "serve": ("serve:serve", "Answer requests."),
    "demo": ("demo.command:demo", "Show all of it on this machine: a private cloud, realm and authority, and a tour."),
    "bootstrap": ("bootstrap:bootstrap", "Make the first domain, project, administrator, roles and endpoints."),
    "db": ("db:db", "Look after the database: its schema, and what it no longer needs."),
    "keys": ("keys:keys", "Look after the keys that sign tokens."),
    "config": ("config:config", "Check, show and explain the settings."),
    "render": ("render:render", "Write the configuration of load balancers, back ends, Apache and containers for a site."),
    "policy": ("policy:policy", "Show, check and sample the rules that say who may do what."),
    "doctor": ("doctor:doctor", "Look for what is wrong, and say the cure."),
}


class Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f".{module}", __name__), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what an operator can mend is told in one line, without a traceback, with exit code 1."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise click.ClickException("the settings do not fit:\n  " + "\n  ".join(error.problems)) from error
        except StartError as error:
            raise click.ClickException(str(error)) from error
        except Problem as error:
            raise click.ClickException(error.reason) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gatestone")
def main() -> None:
    """A federated identity gateway that speaks the OpenStack Identity API."""
