"""The options that commands share, and how they become settings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from ..settings import Settings
from ..settings_load import find, load

config_file = click.option(
    "--config", "config_file", metavar="FILE", help="Settings in TOML (else GATESTONE_CONFIG, ./gatestone.toml, /etc/gatestone)."
)
overrides = click.option(
    "--set", "overrides", multiple=True, metavar="SECTION.OPTION=VALUE", help="Override one setting; may be repeated."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def read_settings(config_file: str | None, overrides: tuple[str, ...]) -> Settings:
    """Settings from file < environment < --set; `SettingsError` lists every mistake."""
    return load(settings_file(config_file), os.environ, overrides)


def settings_file(config_file: str | None) -> Path | None:
    return find(config_file, os.environ)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
