"""The loaders behind the entry points: the options of `v3x509` and of the selector `gatestone`."""

from typing import Any

from keystoneauth1 import loading
from keystoneauth1.identity.base import BaseIdentityPlugin
from keystoneauth1.loading import Opt

from keystoneauth_gatestone import select
from keystoneauth_gatestone.exceptions import NoPassword
from keystoneauth_gatestone.kerberos import Kerberos
from keystoneauth_gatestone.x509 import X509 as X509Plugin

# An openrc of another cloud leaves these behind, and openstacksdk hands some of them to any plugin.
STALE = {"username", "user_id", "user_domain_id", "user_domain_name", "password", "token"}
# osc-lib insists on a user name or token where an option is kept as `password` or `token`.
KEPT_AS = {"password": "gatestone_password", "token": "gatestone_token"}


def _x509_options() -> list[Opt]:
    # `cert` and `key` would collide with the client's own --os-cert and --os-key.
    return [
        Opt("x509-cert", help="Client certificate for the login only (default: the session's)"),
        Opt("x509-key", help="Key of --os-x509-cert, where the file does not hold it too"),
    ]


class X509(loading.BaseV3Loader[X509Plugin]):
    """`v3x509`."""

    @property
    def plugin_class(self) -> type[X509Plugin]:
        return X509Plugin

    def get_options(self) -> list[Opt]:
        return [*super().get_options(), *_x509_options()]

    def load_from_options(self, **kwargs: Any) -> X509Plugin:
        return super().load_from_options(**{k: v for k, v in kwargs.items() if k not in STALE})


class KerberosLoader(loading.BaseV3Loader[Kerberos]):
    """Not an entry point: reached through the selector, whose errors can name the missing extra."""

    @property
    def plugin_class(self) -> type[Kerberos]:
        return Kerberos

    def get_options(self) -> list[Opt]:
        return [
            *super().get_options(),
            Opt("mutual-auth", help="required, optional or disabled (gatestone: required)"),
        ]


class Gatestone(loading.BaseLoader[BaseIdentityPlugin]):
    """`gatestone`: Kerberos, X.509, token or password, told by the URL.

    Takes the options of all four; those that the chosen one does not know are left out. Raises
    KerberosMissing, NoPassword and keystoneauth1's own option errors.
    """

    @property
    def plugin_class(self) -> type[BaseIdentityPlugin]:
        return BaseIdentityPlugin

    def get_options(self) -> list[Opt]:
        options: dict[str, Opt] = {}
        for loader in (_loader("password"), _loader("token"), KerberosLoader(), X509()):
            for option in loader.get_options():
                options.setdefault(option.name, option)
        return [_kept_apart(option) for option in options.values()]

    def load_from_options(self, **kwargs: Any) -> BaseIdentityPlugin:
        given = {name: kwargs.pop(dest, None) for name, dest in KEPT_AS.items()}
        for name, value in given.items():
            if value:
                kwargs[name] = value
        choice = select.plugin_for(
            kwargs.get("auth_url"),
            has_token=bool(kwargs.get("token")),
            has_password=bool(kwargs.get("password")),
        )
        if choice == "password" and not kwargs.get("password"):
            raise NoPassword()
        loader = _loader(choice)
        ours = {option.dest for option in self.get_options()} | set(KEPT_AS)
        known = {option.dest for option in loader.get_options()}
        # A mistyped option is nobody's, so it stays in and the chosen plugin complains of it.
        options = {k: v for k, v in kwargs.items() if k in known or k not in ours}
        plugin: BaseIdentityPlugin = loader.load_from_options(**options)
        return plugin


def _loader(name: str) -> Any:
    return KerberosLoader() if name == select.KERBEROS else loading.get_plugin_loader(name)


def _kept_apart(option: Opt) -> Opt:
    if option.name not in KEPT_AS:
        return option
    # No prompt: openstacksdk would ask for a password before it is known whether one is needed.
    return Opt(option.name, help=option.help, secret=True, dest=KEPT_AS[option.name])
