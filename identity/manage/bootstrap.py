"""`gatestone bootstrap`: from an empty database to an administrator who can log in."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import StartError
from . import options

if TYPE_CHECKING:
    from .first_cloud import Plan

_IN_ARGUMENTS = (
    "a password on the command line can be read by every user of this machine: "
    "use OS_BOOTSTRAP_PASSWORD or --bootstrap-password-file"
)


@click.command()
@options.config_file
@options.overrides
@options.as_json
@click.option("--bootstrap-username", envvar="OS_BOOTSTRAP_USERNAME", default="admin", show_default=True, help="The administrator.")
@click.option("--bootstrap-password", help="Its password. Prefer OS_BOOTSTRAP_PASSWORD, a file, or the prompt.")
@click.option(
    "--bootstrap-password-file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="File whose first line is the password; - for standard input.",
)
@click.option(
    "--bootstrap-project-name", envvar="OS_BOOTSTRAP_PROJECT_NAME", default="admin", show_default=True, help="Its project."
)
@click.option(
    "--bootstrap-role-name",
    envvar="OS_BOOTSTRAP_ROLE_NAME",
    default="admin",
    show_default=True,
    help="Its role there and on the system.",
)
@click.option(
    "--bootstrap-service-name",
    envvar="OS_BOOTSTRAP_SERVICE_NAME",
    default="keystone",
    show_default=True,
    help="The identity service.",
)
@click.option("--bootstrap-admin-url", envvar="OS_BOOTSTRAP_ADMIN_URL", help="Identity endpoint for administrators.")
@click.option(
    "--bootstrap-public-url",
    envvar="OS_BOOTSTRAP_PUBLIC_URL",
    help="Identity endpoint for users, e.g. https://id.example.org:5000/main/v3.",
)
@click.option("--bootstrap-internal-url", envvar="OS_BOOTSTRAP_INTERNAL_URL", help="Identity endpoint for services.")
@click.option("--bootstrap-region-id", envvar="OS_BOOTSTRAP_REGION_ID", help="Region of these endpoints.")
@click.option(
    "--reset-password", is_flag=True, help="Give an administrator who is there already this password, and switch the account on."
)
def bootstrap(
    *,
    config_file: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
    bootstrap_username: str,
    bootstrap_password: str | None,
    bootstrap_password_file: Path | None,
    bootstrap_project_name: str,
    bootstrap_role_name: str,
    bootstrap_service_name: str,
    bootstrap_admin_url: str | None,
    bootstrap_public_url: str | None,
    bootstrap_internal_url: str | None,
    bootstrap_region_id: str | None,
    reset_password: bool,
) -> None:
    """Make the first domain, project, administrator, roles, endpoints and signing keys.

    May be run again: what is there is kept. An empty database gets its schema; an old one is left to `gatestone db upgrade`.
    """
    settings = options.read_settings(config_file, overrides)
    from ..store import migrations
    from . import first_cloud, opening

    if bootstrap_password is not None:
        click.echo(f"Warning: {_IN_ARGUMENTS}", err=True)
    urls = {"public": bootstrap_public_url, "internal": bootstrap_internal_url, "admin": bootstrap_admin_url}
    plan = first_cloud.Plan(
        domain_id=settings.identity.default_domain_id,
        user=bootstrap_username,
        password=_password(bootstrap_password, bootstrap_password_file),
        project=bootstrap_project_name,
        role=bootstrap_role_name,
        service=bootstrap_service_name,
        region=bootstrap_region_id,
        urls={interface: url for interface, url in urls.items() if url},
        reset_password=reset_password,
    )
    with opening.opened(settings) as store:
        empty = migrations.current(store) is None
        if empty:
            migrations.upgrade(store)
    with opening.ready(settings) as store:
        keys = opening.first_keys(settings, store)
        if plan.password is None and first_cloud.needs_password(store, plan):
            plan = _asked(plan)
        ids = first_cloud.make(store, settings, plan, time.time)
    ids.made[:0] = (["schema"] if empty else []) + [f"{name} keys" for name in keys]
    _tell(first_cloud.as_json(ids), as_json)


def _password(argument: str | None, file: Path | None) -> str | None:
    if argument is not None and file is not None:
        raise click.UsageError("give the password once: --bootstrap-password or --bootstrap-password-file")
    if file is None:
        return argument or os.environ.get("OS_BOOTSTRAP_PASSWORD") or None
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(
            f"--bootstrap-password-file {file} cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}"
        ) from None
    word = text.splitlines()[0] if text else ""
    if not word:
        raise StartError(f"--bootstrap-password-file {file} is empty: write the password on its first line")
    return word


def _asked(plan: Plan) -> Plan:
    if not sys.stdin.isatty():
        return plan
    return replace(plan, password=click.prompt(f"Password for {plan.user}", hide_input=True, confirmation_prompt=True))


def _tell(document: dict[str, object], as_json: bool) -> None:
    if as_json:
        options.print_json(document)
        return
    made, notes = document["made"], document["notes"]
    assert isinstance(made, list)
    assert isinstance(notes, list)
    for line in made:
        click.echo(f"made: {line}")
    for line in notes:
        click.echo(f"note: {line}")
    if not made:
        click.echo("Nothing to do: all of it is there.")
