"""From a request with its proofs to a token: the one way in, for every face and API version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from identity import errors
from identity.model.access import Issued
from identity.model.account import Account
from identity.model.auth import AuthRequest, DomainRef, Face, ScopeRequest, UserRef
from identity.model.delegation import is_delegated
from identity.model.event import LoginEvent
from identity.model.evidence import AuthenticatedIdentity, Evidence, Peer
from identity.model.subject import Subject
from identity.ports import AuthPlugin, EventSink
from identity.services.account_rules import AccountRules
from identity.services.feed import ChangeFeed
from identity.services.issue import Issuer
from identity.services.scoping import Scoping
from identity.store import users
from identity.store.engine import Store

# On these faces the prefix decides what the proof is; the body may name any of these methods, or none.
PROOF_OF_FACE = {Face.KRB: "kerberos", Face.X509: "x509"}
NAMES_FOR_PROOF = frozenset({"external", "kerberos", "x509", "mapped"})
APPLICATION_CREDENTIAL = "application_credential"
NOTHING: Mapping[str, str | None] = {}


class Authenticator:
    """Asks the plugins, resolves the user, scopes, issues, and tells the log how it ended."""

    def __init__(
        self,
        plugins: Mapping[str, AuthPlugin],
        store: Store,
        feed: ChangeFeed,
        scoping: Scoping,
        issuer: Issuer,
        rules: AccountRules,
        sink: EventSink,
        allow_rescope: bool = True,
    ) -> None:
        self._plugins = plugins
        self._store = store
        self._feed = feed
        self._scoping = scoping
        self._issuer = issuer
        self._rules = rules
        self._sink = sink
        self._allow_rescope = allow_rescope

    def _chosen(self, face: Face, request: AuthRequest) -> tuple[str, ...]:
        """The plugins to run, in order. Raises `errors.Unauthorized` for a method that this face does not take."""
        asked, proof = request.methods, PROOF_OF_FACE.get(face)
        if proof is not None:
            if not NAMES_FOR_PROOF.issuperset(asked):
                raise errors.Unauthorized(
                    f"This entry point takes only the {proof} proof: use /main/v3 for other methods.",
                    reason=f"method not taken on {face.value}",
                )
            asked = (proof,)
        if not asked:
            raise errors.BadRequest("identity.methods must name at least one method.")
        for name in asked:
            if name not in self._plugins or (proof is None and name in PROOF_OF_FACE.values()):
                raise errors.Unauthorized("Attempted to authenticate with an unsupported method.", reason="unsupported method")
            if proof is None and name not in request.payloads:
                raise errors.BadRequest(f"Expecting to find {name} in identity.")
        return asked

    def authenticate(
        self,
        request: AuthRequest,
        face: Face,
        environ: Mapping[str, Any],
        peer: Peer,
        request_id: str,
        accept: Callable[[Subject], None] | None = None,
    ) -> Issued:
        """Issue the token asked for. Raises `errors.Unauthorized`, `Forbidden`, `BadRequest` or `Unavailable`.

        `accept` raises for a user or scope for whom the caller issues no token.
        """
        told: dict[str, str | None] = {}
        methods = request.methods
        try:
            methods = self._chosen(face, request)
            issued = self._run(methods, request, environ, peer, told, accept)
        except Exception as problem:
            self.tell_failure(problem, methods, face, peer, request_id=request_id, told=told)
            raise
        access = issued.access
        self._sink.login(
            LoginEvent(
                "success",
                access.claims.methods,
                face.value,
                peer.address,
                request_id,
                user_id=access.subject.user.id,
                user_name=access.subject.user.name,
                scope=_scope_text(issued),
                audit_id=access.claims.audit_id,
            )
        )
        return issued

    def tell_failure(
        self,
        problem: Exception,
        methods: tuple[str, ...],
        face: Face,
        peer: Peer,
        *,
        request_id: str,
        told: Mapping[str, str | None] = NOTHING,
    ) -> None:
        """Tell the log of an attempt that failed, also of one that never came to be a request that can be read.

        Names that are no method's are not repeated: a client that mixes up its fields may have put a secret there.
        """
        known = tuple(name if name in self._plugins or name in NAMES_FOR_PROOF else "unknown" for name in methods)
        reason = problem.reason if isinstance(problem, errors.Problem) else f"unexpected {type(problem).__name__}"
        who = {"user_id": told.get("user_id"), "user_name": told.get("user_name")}
        # The first leg of Negotiate brings no proof yet (RFC 4559, section 4): asked for, not failed.
        outcome = "challenge" if isinstance(problem, errors.ChallengeRequired) else "failure"
        self._sink.login(LoginEvent(outcome, known, face.value, peer.address, request_id, reason=reason, **who))

    def _run(
        self,
        methods: tuple[str, ...],
        request: AuthRequest,
        environ: Mapping[str, Any],
        peer: Peer,
        told: dict[str, str | None],
        accept: Callable[[Subject], None] | None,
    ) -> Issued:
        """Raises as `authenticate`; of several proofs each failure is the same 401."""
        try:
            return self._prove(methods, request, environ, peer, told, accept)
        except errors.Problem as problem:
            if len(methods) == 1 or problem.status >= 500 or isinstance(problem, errors.Unauthorized):
                raise
            # Any other answer would tell that the proofs before this one are right (CWE-204).
            raise errors.Unauthorized(reason=problem.reason) from None

    def _prove(
        self,
        methods: tuple[str, ...],
        request: AuthRequest,
        environ: Mapping[str, Any],
        peer: Peer,
        told: dict[str, str | None],
        accept: Callable[[Subject], None] | None,
    ) -> Issued:
        # Read before anything is checked: a change during the login makes the token older than the change.
        seq = self._feed.sync(fresh=True)
        if APPLICATION_CREDENTIAL in methods and request.scope != ScopeRequest():
            raise errors.Unauthorized(
                "An application credential has a scope of its own: leave the scope out.", reason="a scope beside an app credential"
            )
        identities = []
        for name in methods:
            plugin = self._plugins[name]
            payload = request.payloads.get(name)
            told["user_name"] = _claimed_name(payload) or told.get("user_name")
            seen = {key: environ[key] for key in plugin.reads if key in environ}
            proven = plugin.authenticate(Evidence(name, payload, seen, peer))
            told["user_name"] = proven.name or told["user_name"]
            told["user_id"] = proven.user_id or told.get("user_id")
            identities.append(proven)
        account = self._resolve(identities)
        user_id, default_project_id = account.id, account.default_project_id
        told["user_id"] = user_id
        self._check_rescope(identities)
        self._rules.check(account, identities)
        confined = next((proof for proof in identities if proof.app_cred_id is not None), None)
        if confined is None:
            subject = self._scoping.subject(user_id, default_project_id, request.scope, seq)
        else:
            subject = self._scoping.confined(user_id, confined.app_cred_id or "", confined.project_id or "", seq)
        if accept is not None:
            accept(subject)
        issued = self._issuer.issue(identities, subject, seq)
        self._rules.mark_active(account)
        return issued

    def _resolve(self, identities: list[AuthenticatedIdentity]) -> Account:
        """The one user that all the proofs are of."""
        found: dict[str, Account] = {}
        with self._store.read() as db:
            for identity in identities:
                ref = UserRef(identity.user_id, identity.name, DomainRef(identity.domain_id, identity.domain_name))
                if identity.user_id is None and identity.name is None:
                    raise errors.Unauthorized(reason=f"{identity.method} proved no one")
                user = users.account(db, ref)
                if user is None:
                    raise errors.Unauthorized(reason=f"{identity.method}: the proven user is not known here")
                found[user.id] = user
        if len(found) != 1:
            raise errors.Unauthorized(reason="the methods prove different users")
        return next(iter(found.values()))

    def _check_rescope(self, identities: list[AuthenticatedIdentity]) -> None:
        for identity in identities:
            parent = identity.parent
            if parent is not None and is_delegated(parent):
                raise errors.Forbidden("A delegated token may not be exchanged for another.", reason="the token is delegated")
            if not self._allow_rescope and parent is not None and (parent.project_id or parent.domain_id or parent.system):
                raise errors.Forbidden("A scoped token may not be exchanged for another.", reason="rescoping is off")


def _claimed_name(payload: Any) -> str | None:
    """Who a password login says it is, for the log of a failure."""
    user = payload.get("user") if isinstance(payload, dict) else None
    name = (user.get("name") or user.get("id")) if isinstance(user, dict) else None
    return name if isinstance(name, str) else None


def _scope_text(issued: Issued) -> str:
    claims = issued.access.claims
    if claims.project_id:
        return f"project {claims.project_id}"
    if claims.domain_id:
        return f"domain {claims.domain_id}"
    return "system" if claims.system else "unscoped"
