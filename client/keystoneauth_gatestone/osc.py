"""The `openstack` extension: with OS_AUTH_URL alone, the URL chooses the login.

Standard library only: every `openstack` command imports this module.
"""

import argparse
from typing import Any

from keystoneauth_gatestone import select

DEFAULT_API_VERSION = "1"
API_VERSION_OPTION = "os_gatestone_api_version"
API_NAME = "gatestone"
API_VERSIONS = ("1",)


def make_client(instance: Any) -> None:
    """Nothing: the commands of this extension need no service client."""


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Choose after parsing, where flags, their abbreviations and OS_* variables are already one.

    Setting OS_AUTH_TYPE instead would have needed a second reading of the command line, and would
    reach child processes and openstacksdk's `envvars` cloud.
    """
    parse = parser.parse_known_args

    def parse_and_choose(args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        options, rest = parse(args, namespace)
        chosen = auth_type(options)
        if chosen:
            options.auth_type = chosen
        return options, rest

    setattr(parser, "parse_known_args", parse_and_choose)  # noqa: B010 - mypy forbids the plain form
    return parser


def auth_type(options: argparse.Namespace) -> str | None:
    """The type to set on parsed global options; None to leave the client's own choice alone.

    An explicit type or cloud always wins; OS_ENDPOINT with OS_TOKEN is the client's `admin_token`.
    """

    def given(name: str) -> str | None:
        return getattr(options, name, None) or None

    if given("auth_type") or given("cloud") or not given("auth_url"):
        return None
    chosen = select.plugin_for(
        given("auth_url"),
        has_token=bool(given("token")),
        has_password=bool(given("password")),
    )
    if chosen in (select.KERBEROS, select.X509):
        return "gatestone"
    if chosen == "password" or given("endpoint"):
        return None  # `password` is the stock default, and the stock client asks for a missing one
    return chosen
