"""`gatestone doctor`: everything that usually goes wrong, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..errors import SettingsError
from ..settings import Settings
from . import consistency, options

if TYPE_CHECKING:
    from .checks.finding import Finding


@click.command()
@options.config_file
@options.overrides
@options.as_json
def doctor(config_file: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Look at settings, database, keys, keytab, clock, certificates, names and ports; exit code 1 if a check failed."""
    from .checks.finding import FAILED, failed

    try:
        settings = options.read_settings(config_file, overrides)
    except SettingsError as error:
        findings = [failed("settings", problem, "gatestone config check") for problem in error.problems]
    else:
        findings = list(examine(settings))
    if as_json:
        options.print_json([asdict(finding) for finding in findings])
    else:
        _show(findings)
    if any(finding.state == FAILED for finding in findings):
        raise SystemExit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, topic by topic."""
    from .checks import certificates, kerberos, network, storage
    from .checks.finding import failed, ok, warning

    cure = "correct it (docs/settings.md), then ask `gatestone config check`"
    problems = consistency.problems(settings)
    for problem in problems:
        yield failed("settings", problem, cure)
    for doubt in consistency.warnings(settings):
        yield warning("settings", doubt, cure)
    if not problems:
        yield ok("settings", "they fit together")
    yield from storage.database_and_keys(settings)
    yield from kerberos.check(settings)
    yield from certificates.check(settings)
    yield from network.names(settings)
    yield from network.ports(settings)


def _show(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.text import Text

    colours = {"ok": "green", "warning": "yellow", "failed": "bold red"}
    screen = Console(highlight=False, soft_wrap=True)
    for finding in findings:
        screen.print(Text(f"{finding.state:8}", colours[finding.state]), Text(f"{finding.topic:13}{finding.text}"))
        if finding.cure:
            screen.print(Text(f"{'':22}-> {finding.cure}", "bold"))
