"""`openstack gatestone doctor`: which login is used and why, and what keeps it from working."""

import argparse
from collections.abc import Iterator
from typing import Any

from keystoneauth1.identity.base import BaseIdentityPlugin
from osc_lib.command import command

from keystoneauth_gatestone import checks
from keystoneauth_gatestone.checks import Finding


class Doctor(command.Lister):  # type: ignore[misc, unused-ignore]
    """Check the login in use, from the choice of the plugin to a token; exit 1 if a check fails"""

    auth_required = False
    failed = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--offline", action="store_true", help="make no connection")
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        return super().run(parsed_args) or int(self.failed)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[tuple[str, ...], list[Any]]:
        rows = [finding.row() for finding in self.findings(offline=parsed_args.offline)]
        self.failed = any(row[1] == checks.FAIL for row in rows)
        return ("Check", "Result", "What it says"), rows

    def findings(self, *, offline: bool) -> Iterator[Finding]:
        config = self.app.cloud.config
        choice = checks.choice(config)
        yield choice
        yield from checks.versions()
        local = list(checks.local(config))
        yield from local
        if offline or checks.FAIL in {finding.result for finding in (choice, *local)}:
            return  # a login that lacks its proof would only repeat what was just said
        try:
            region = self.app.cloud_config.get_one(
                cloud=self.app.options.cloud, argparse=self.app.options, validate=True
            )
            session = region.get_session()
        except Exception as error:  # whatever a plugin raises is what the reader must know
            yield Finding("login", checks.FAIL, str(error))
            return
        session.timeout = checks.TIMEOUT
        if isinstance(session.auth, BaseIdentityPlugin):  # others, such as `none`, have no login
            yield from checks.remote(session, session.auth)
