"""The composition root: every part is made and joined here, once, from the settings and a clock."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import authplugins
from catalog import legacy
from catalog.snapshot import CatalogSnapshots
from catalog.sql import SqlCatalog
from catalog.templated import TemplatedCatalog
from identity import errors
from identity.model.revocation import CATALOG, KEYS, Change
from identity.policy import registry
from identity.policy.credentials import credentials
from identity.policy.enforcer import Enforcer
from identity.ports import AuthPlugin, CatalogSource, Clock, EventSink
from identity.services.account_rules import AccountRules
from identity.services.appcreds import ApplicationCredentials
from identity.services.authenticate import Authenticator
from identity.services.cell import CellAuthenticator, CellPasswords, CellRules, CellValidator
from identity.services.feed import ChangeFeed
from identity.services.hashing import Hasher
from identity.services.issue import Issuer
from identity.services.partners import Partners
from identity.services.passwords import Passwords
from identity.services.revoke import Revoker
from identity.services.scoping import Scoping
from identity.services.token_cache import TokenCache
from identity.services.validate import Validator
from identity.settings import Settings
from identity.store.engine import Store
from identity.store.replica import Replica
from identity.tokens import sources
from identity.tokens.vault import Vault
from identity.web import application
from identity.web import cell as cell_routes
from identity.web.context import Services
from identity.web.declarations import declared, served
from identity.web.documents import Documents
from identity.web.links import Links, listener_urls
from identity.wsgi import observe
from identity.wsgi.edge import Edge

HEALTH_PATIENCE = 1.0  # seconds: a load balancer asks every second or two, and counts a late answer as none


class Gateway:
    """A WSGI application with what belongs to it. `after_fork` is called in each worker before its first request."""

    def __init__(self, settings: Settings, clock: Clock, sink: EventSink | None, timer: Clock) -> None:
        self.settings = settings
        self.sink = sink or observe.LogSink(settings.auth.methods)
        self.store = Store.open(settings.database, replica=settings.cell.enabled)
        names = sources.spellings(settings)
        self._keys = {name: sources.key_source(name, settings, self.store) for name in names}
        secrets = self._keys[sources.CREDENTIAL] = sources.credential_keys(settings, self.store)
        table = sources.method_table(settings)
        providers = [sources.provider(name, self._keys[name], self.store, table) for name in names]
        self._cache = TokenCache(settings.token.cache_size)
        source, everything = _catalog(settings, self.store), settings.catalog.all_if_none_chosen
        self._catalog = CatalogSnapshots(source, all_if_none_chosen=everything)
        self._legacy_catalog = CatalogSnapshots(source, all_if_none_chosen=everything, form=legacy.shown)
        self._partners = Partners(self.store)
        self._replica = Replica(self.store, settings.cell, timer, observe.metrics().trails) if settings.cell.enabled else None
        self.feed = _feed(settings, self.store, self._replica, timer)
        self._listen()
        judge = Validator if self._replica is None else partial(CellValidator, self._replica)
        self._validator = judge(self.store, providers, self.feed, self._cache, clock, credentials)
        hasher = Hasher(settings.identity)
        passwords = _passwords(settings)(self.store, hasher, settings.security_compliance, clock)
        app_creds = ApplicationCredentials(self.store, hasher, clock)
        self.plugins = _plugins(settings, passwords, app_creds, self._validator, clock)
        issuer = Issuer(providers[0], settings.token.expiration, clock, table.ordered)
        self.flask = application.make(self._services(clock, passwords, app_creds, Vault(secrets), issuer))
        self.wsgi = Edge(self.flask.wsgi_app, settings)

    def _services(
        self, clock: Clock, passwords: Passwords, app_creds: ApplicationCredentials, vault: Vault, issuer: Issuer
    ) -> Services:
        """What the routes are given. No route is without a rule: raises `errors.StartError`."""
        settings = self.settings
        routes = served(settings.server.apis)
        shown = partial(filter, cell_routes.serves if settings.cell.enabled else None)
        enforcer = Enforcer(settings.oslo_policy.policy_file)
        registry.verify([(f"{route.method} {route.path}", route.policy) for route in routes], enforcer.names())
        return Services(
            settings=settings,
            clock=clock,
            passwords=passwords,
            app_creds=app_creds,
            store=self.store,
            validator=self._validator,
            authenticator=self._authenticator(issuer, clock),
            revoker=Revoker(self.store, clock),
            vault=vault,
            enforcer=enforcer,
            catalog=self._catalog,
            legacy_catalog=self._legacy_catalog,
            partners=self._partners,
            links=Links(public_urls(settings)),
            documents=Documents(shown(declared()), {name: plugin.Payload for name, plugin in self.plugins.items()}),
            legacy_documents=Documents(shown(declared("v2.0")) if "v2.0" in settings.server.apis else (), {}),
            health=self.health,
            metrics=self._metrics,
            allow_expired_window=settings.token.allow_expired_window,
            count_valid=observe.metrics().validations("valid"),
            count_refused=observe.metrics().validations("refused"),
        )

    def _listen(self) -> None:
        """Who is told of changes: whatever remembers something."""
        self.feed.subscribe(self._cache.apply)
        self.feed.subscribe(_evict_on(CATALOG, self._catalog.evict))
        self.feed.subscribe(_evict_on(CATALOG, self._legacy_catalog.evict))
        self.feed.subscribe(_evict_on(CATALOG, self._partners.evict))
        self.feed.subscribe(_evict_on(KEYS, self._reload_keys))
        self.feed.subscribe(lambda _changes, seq: observe.metrics().position(seq))

    def _authenticator(self, issuer: Issuer, clock: Clock) -> Authenticator:
        settings = self.settings
        cell = settings.cell
        rules = (CellRules if cell.enabled else AccountRules)(self.store, settings.security_compliance, clock, self.plugins)
        make = partial(CellAuthenticator, cell) if cell.enabled else Authenticator
        allow_rescope = settings.token.allow_rescope_scoped_token
        return make(self.plugins, self.store, self.feed, Scoping(self.store), issuer, rules, self.sink, allow_rescope)

    def _metrics(self) -> tuple[bytes, str]:
        if self._replica is not None:
            with suppress(errors.Unavailable), self.store.hurried(HEALTH_PATIENCE):
                self._replica.look()
        return observe.metrics_body()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        return self.wsgi(environ, start_response)

    def after_fork(self) -> None:
        self.store.dispose()

    def _reload_keys(self) -> None:
        for name, keys in self._keys.items():
            try:
                if keys is not None:
                    keys.reload()
            except errors.StartError as problem:  # the keys in use stay; `gatestone doctor` tells the same
                observe.log().error("keys not reloaded", provider=name, reason=str(problem))

    def health(self) -> Mapping[str, Any]:
        """{"status": "ok" or "unavailable", "detail": {part: why it is away}}; a plugin that is away harms itself only."""
        detail: dict[str, str] = {}
        for name, plugin in self.plugins.items():
            ask = getattr(plugin, "health", None)
            why = ask() if ask is not None else None
            if why:
                detail[name] = "away: see the log and `gatestone doctor`"
        status = "ok"
        try:
            with self.store.hurried(HEALTH_PATIENCE):
                self.feed.sync(fresh=True)
        except errors.Unavailable:
            status, detail["database"] = "unavailable", "no answer, or no schema"
        if self._replica is not None and (told := self._replica.fault() or self._replica.detail()):
            detail["database"] = told
        for name, keys in self._keys.items():
            try:
                if keys is not None:
                    keys.keys()
            except errors.Unavailable:
                detail[f"{name} keys"] = "none, or not readable with this master key"
                if name != sources.CREDENTIAL:  # without these, all but stored secrets works
                    status = "unavailable"
        return {"status": status, "detail": detail}


def build(settings: Settings, clock: Clock = time.time, sink: EventSink | None = None, timer: Clock = time.monotonic) -> Gateway:
    """Wire a gateway. Raises `errors.StartError` or `errors.SettingsError` with what to do."""
    return Gateway(settings, clock, sink, timer)


def public_urls(settings: Settings) -> list[str]:
    """The configured names, or else those of the listeners themselves, as far as their ports are known."""
    if settings.server.public_urls:
        return list(settings.server.public_urls)
    server, x509 = settings.server, settings.x509
    urls = listener_urls(server.host, server.port, bool(server.tls_cert))
    return urls + (listener_urls(x509.host, x509.port, bool(x509.tls_cert)) if x509.enabled and x509.port else [])


def _feed(settings: Settings, store: Store, replica: Replica | None, timer: Clock) -> ChangeFeed:
    staleness = settings.token.max_staleness
    if replica is None:
        return ChangeFeed(store, staleness, timer)
    return ChangeFeed(store, staleness, timer, read=replica.sequence, resumes=False)


def _passwords(settings: Settings) -> type[Passwords]:
    return CellPasswords if settings.cell.enabled else Passwords


def _catalog(settings: Settings, store: Store) -> CatalogSource:
    if settings.catalog.driver == "templated":
        return TemplatedCatalog(Path(settings.catalog.template_file))
    return SqlCatalog(store, settings.catalog.identity_version)


def _evict_on(kind: str, evict: Callable[[], None]) -> Callable[[Sequence[Change], int], None]:
    def listen(changes: Sequence[Change], seq: int) -> None:
        if not changes or any(change.kind == kind for change in changes):
            evict()

    return listen


def _plugins(
    settings: Settings, passwords: Passwords, app_creds: ApplicationCredentials, validator: Validator, clock: Clock
) -> dict[str, AuthPlugin]:
    """Each method's plugin with what it was promised. Kerberos and X.509 for which nobody takes a proof are left out."""
    makers = authplugins.load(settings.auth.methods)
    made: dict[str, AuthPlugin] = {}
    for name, make in makers.items():
        match name:
            case "password":
                made[name] = make(passwords)
            case "token":
                made[name] = make(validator)
            case "application_credential":
                made[name] = make(app_creds)
            case "external":
                made[name] = make(**_external_domain(settings))
            case "kerberos" if settings.kerberos.keytab:
                made[name] = make(**_kerberos(settings), clock=clock)
            case "kerberos" if _hop_names_users(settings):
                # A web server before us takes the tickets; who asks on /krb is whom it names.
                made[name] = authplugins.load(["external"])["external"](method=name, **_external_domain(settings))
            case "x509" if settings.x509.enabled or settings.hop.enabled:
                x509 = settings.x509
                made[name] = make(rules=x509.rules, crl_path=x509.crl, ca_path=x509.client_ca, clock=clock)
            case "kerberos" | "x509":
                continue
            case _:
                made[name] = make()
    return made


def _hop_names_users(settings: Settings) -> bool:
    """Whether there is a proxy whose word on users `identity/wsgi/edge.py` takes."""
    if not settings.server.remote_user_header:
        return False
    return bool(settings.server.trusted_hops) or (settings.hop.enabled and "remote-user" in settings.hop.believes)


def _external_domain(settings: Settings) -> dict[str, str]:
    if settings.auth.external_domain:
        return {"domain_name": settings.auth.external_domain}
    return {"domain_id": settings.identity.default_domain_id}


def _kerberos(settings: Settings) -> dict[str, Any]:
    kerberos = settings.kerberos
    hosts = dict.fromkeys(urlsplit(url).hostname or "" for url in public_urls(settings))
    return {
        "keytab": kerberos.keytab,
        "service": kerberos.service or [f"HTTP@{host}" for host in hosts],
        "realms": kerberos.realms,
        "bindings_required": kerberos.channel_bindings == "required",
        "server_cert_der": _leaf(kerberos.channel_binding_cert or settings.server.tls_cert),
        "replay_cache": kerberos.replay_cache,
    }


def _leaf(path: str) -> bytes | None:
    """The first certificate of a PEM file, in DER: the one that the client saw."""
    if not path:
        return None
    try:
        text = Path(path).read_text()
        return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") : text.index("-----END CERTIFICATE") + 25])
    except (OSError, ValueError):
        raise errors.StartError(
            f"cannot read a certificate from {path}: set server.tls_cert or kerberos.channel_binding_cert"
        ) from None
