"""`openstack gatestone config`: writes the login in use to clouds.yaml or an openrc."""

import argparse
import os
import sys

from osc_lib import exceptions
from osc_lib.command import command

from keystoneauth_gatestone import profile

FILES = {"clouds": "clouds.yaml", "openrc": "openrc"}


class Config(command.Command):  # type: ignore[misc, unused-ignore]
    """Write clouds.yaml or an openrc for the login in use, with explicit types and no secret"""

    auth_required = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument("--format", choices=FILES, default="clouds", help="default: clouds")
        parser.add_argument(
            "--output",
            metavar="<file>",
            help="file to write (default: clouds.yaml or openrc in this directory), - to print",
        )
        parser.add_argument(
            "--name", metavar="<cloud>", default="gatestone", help="cloud name in clouds.yaml"
        )
        parser.add_argument("--force", action="store_true", help="replace an existing file")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        try:
            found = profile.gather(self.app.cloud.config)
        except profile.Incomplete as error:
            raise exceptions.CommandError(str(error)) from error
        path = parsed_args.output or FILES[parsed_args.format]
        if parsed_args.format == "clouds":
            text = profile.clouds_yaml(found, parsed_args.name)
            then = f"openstack --os-cloud {parsed_args.name} token issue"
        else:
            text = profile.openrc(found)
            then = f". {os.path.join('.', path)}"
        if path == "-":
            self.app.stdout.write(text)
            return
        try:
            profile.save(text, path, force=parsed_args.force)
        except FileExistsError as error:
            raise exceptions.CommandError(
                f"{path} exists: add --force to replace it, or --output - to print"
            ) from error
        except OSError as error:
            raise exceptions.CommandError(f"cannot write {path}: {error.strerror}") from error
        print(f"wrote {path}; next: {then}", file=sys.stderr)
