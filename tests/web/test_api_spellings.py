"""Tokens of every spelling end to end, moving a fleet from one to another, and tokens that a Keystone made."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import keystone.conf
import pytest
from keystone.token.providers.fernet import core as fernet_core

from identity.settings import FernetTokens, Token
from identity.store import grants, projects, users
from identity.store.grants import Grant
from identity.tokens import rotation
from identity.tokens.keys import DirectoryKeys
from identity.tokens.methods import KEYSTONE_METHODS
from tests.support.gateway import NOW, Cloud, check_error, project, token_auth

SPELLINGS = {"fernet": "gAAAA", "jws": "eyJ", "uuid": ""}


@pytest.fixture(params=SPELLINGS)
def spelt(request: pytest.FixtureRequest, make_cloud) -> Cloud:
    return make_cloud(token=Token(provider=request.param))


def test_the_whole_life_of_a_token(spelt: Cloud):
    name = spelt.settings.token.provider
    first = spelt.login("member")
    assert first.token.startswith(SPELLINGS[name])
    assert len(first.token) == 32 or name != "uuid"
    second = spelt.rescope(first.token, project("web"))
    other = spelt.second()
    for worker in (spelt, other):
        assert worker.show(second.token).get_json()["token"] == second.shown
        assert worker.show(second.token, method="HEAD").status_code == 200
    admin = other.login("admin", {"system": {"all": True}})
    assert other.show(admin.token, second.token).status_code == 200
    assert spelt.show(first.token, method="DELETE").status_code == 204
    for worker in (spelt, other):
        check_error(worker.show(second.token), 401)
        check_error(worker.show(admin.token, second.token), 404)
    third = spelt.login("member", {"domain": {"id": "default"}})
    spelt.do(users.set_enabled, "user-member", False, NOW)
    check_error(other.show(third.token), 401)
    assert other.show(admin.token).status_code == 200
    spelt.clock.turn(3600)
    check_error(other.show(admin.token), 401)


@pytest.mark.parametrize("reader", SPELLINGS)
@pytest.mark.parametrize("maker", SPELLINGS)
def test_a_token_of_another_spelling_counts_only_where_it_is_named(make_cloud, maker: str, reader: str):
    cloud = make_cloud(token=Token(provider=maker))
    made = cloud.login("member", project("web"))
    strict = cloud.second(token=Token(provider=reader))
    if reader == maker:
        assert strict.show(made.token).status_code == 200
        return
    check_error(strict.show(made.token), 401)
    check_error(strict.show(strict.login("admin", project("admin")).token, made.token), 404)
    check_error(strict.post(token_auth(made.token)), 404)
    lenient = cloud.second(token=Token(provider=reader, readers=[maker]))
    assert lenient.show(made.token).get_json()["token"] == made.shown


def test_a_fleet_moves_from_fernet_to_jws_without_a_logout(make_cloud):
    fernet = make_cloud(token=Token(provider="fernet"))
    session = fernet.login("member")
    # First every worker learns to read, then one after the other begins to write.
    reading = fernet.second(token=Token(provider="fernet", readers=["jws"]))
    writing = fernet.second(token=Token(provider="jws", readers=["fernet"]))
    for worker in (reading, writing):
        assert worker.show(session.token).status_code == 200
    fresh = writing.rescope(session.token, project("web"))
    assert fresh.token.startswith("eyJ")
    assert fresh.shown["audit_ids"][1:] == session.shown["audit_ids"]
    assert fresh.shown["expires_at"] == session.shown["expires_at"]
    assert reading.show(fresh.token).status_code == 200
    back = reading.rescope(fresh.token)
    assert back.token.startswith("gAAAA")
    # The chain is one across the spellings.
    assert reading.show(back.token, session.token, method="DELETE").status_code == 204
    for worker in (reading, writing):
        for made in (session, fresh, back):
            check_error(worker.show(made.token), 401)


class TestKeystone:
    """A Keystone beside us seals with the same keys; its audit ids carry no sequence, so the second decides."""

    @pytest.fixture
    def cloud(self, make_cloud, tmp_path: Path):
        conf = keystone.conf.CONF
        keystone.conf.configure(conf)
        conf([], project="keystone", default_config_files=[], default_config_dirs=[])
        conf.set_override("methods", list(KEYSTONE_METHODS), group="auth")
        conf.set_override("key_repository", str(tmp_path / "keys"), group="fernet_tokens")
        rotation.create(DirectoryKeys(tmp_path / "keys"), time.time)
        made = make_cloud(fernet_tokens=FernetTokens(key_repository=str(tmp_path / "keys")))
        yield made
        conf.reset()
        conf.clear_override("methods", group="auth")
        conf.clear_override("key_repository", group="fernet_tokens")

    def seal(self, cloud: Cloud, **changes) -> str:
        """A token that Keystone itself makes; our clock is put to the second in which it did."""
        expires = datetime.fromtimestamp(int(time.time()) + 3000, UTC)
        model = SimpleNamespace(
            user_id="user-member",
            expires_at=expires.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            audit_ids=["S2V5c3RvbmVBdWRpdElkcw"],
            methods=["password"],
            system=None,
            domain_id=None,
            project_id="web",
            trust_id=None,
            federated_groups=None,
            identity_provider_id=None,
            protocol_id=None,
            access_token_id=None,
            application_credential_id=None,
            oauth2_thumbprint=None,
            **dict.fromkeys(("oauth_scoped", "trust_scoped", "is_federated", "domain_scoped", "system_scoped", "unscoped"), False),
            project_scoped=True,
        )
        vars(model).update(changes)
        token, issued = fernet_core.Provider().generate_id_and_issued_at(model)
        cloud.clock.now = datetime.fromisoformat(issued).timestamp() + 0.5
        return token

    def test_its_token_is_good_here(self, cloud: Cloud):
        token = self.seal(cloud)
        shown = cloud.show(token).get_json()["token"]
        assert shown["audit_ids"] == ["S2V5c3RvbmVBdWRpdElkcw"]
        assert (shown["user"]["id"], shown["project"]["id"], shown["methods"]) == ("user-member", "web", ["password"])
        assert cloud.rescope(token).shown["audit_ids"][1] == "S2V5c3RvbmVBdWRpdElkcw"

    @pytest.mark.parametrize("warm", [True, False])
    def test_and_refused_after_a_change_in_the_same_second(self, cloud: Cloud, warm: bool):
        token = self.seal(cloud)
        if warm:
            assert cloud.show(token).status_code == 200
        rescoped = cloud.rescope(token) if warm else None
        cloud.do(users.set_enabled, "user-member", False, cloud.clock())
        cloud.do(users.set_enabled, "user-member", True, cloud.clock())
        for worker in (cloud, cloud.second()):
            check_error(worker.show(token), 401)
            if rescoped:
                check_error(worker.show(rescoped.token), 401)

    def test_a_change_of_an_earlier_second_does_not_touch_it(self, cloud: Cloud):
        earlier = time.time() - 5
        cloud.do(users.set_enabled, "user-member", False, earlier)
        cloud.do(users.set_enabled, "user-member", True, earlier)
        assert cloud.show(self.seal(cloud)).status_code == 200

    def test_its_chain_is_revoked_here(self, cloud: Cloud):
        token = self.seal(cloud)
        rescoped = cloud.rescope(token)
        assert cloud.show(token, method="DELETE").status_code == 204
        check_error(cloud.show(rescoped.token), 401)

    def test_without_a_role_it_is_no_token(self, cloud: Cloud):
        check_error(cloud.show(self.seal(cloud, project_id="idle")), 401)
        check_error(cloud.show(self.seal(cloud, user_id="user-ghost")), 401)
        token = self.seal(cloud)
        cloud.do(grants.remove, Grant("user", "user-member", "project", "web", "role-member"), cloud.clock())
        check_error(cloud.show(token), 401)
        cloud.do(projects.delete, "web", cloud.clock())
        check_error(cloud.show(self.seal(cloud)), 401)

    @pytest.mark.parametrize(
        "delegation",
        [
            {"trust_scoped": True, "trust_id": "a" * 32},
            {"application_credential_id": "b" * 32},
            {"oauth_scoped": True, "access_token_id": "c" * 32},
            {"is_federated": True, "federated_groups": [{"id": "g"}], "identity_provider_id": "idp", "protocol_id": "saml2"},
            {
                "is_federated": True,
                "federated_groups": [],
                "identity_provider_id": "idp",
                "protocol_id": "saml2",
                "project_scoped": False,
                "project_id": None,
                "unscoped": True,
            },
            {"oauth2_thumbprint": "dGh1bWI="},
        ],
        ids=["trust", "application credential", "oauth", "federated", "federated, unscoped", "bound"],
    )
    def test_its_delegated_tokens_are_refused(self, cloud: Cloud, delegation):
        token = self.seal(cloud, **delegation)
        admin = cloud.login("admin", project("admin"))
        check_error(cloud.show(token), 401)
        check_error(cloud.show(admin.token, token), 404)
        check_error(cloud.show(cloud.login("nova").token, token, "?allow_expired=1"), 404)
        check_error(cloud.post(token_auth(token, project("web"))), 404)
        check_error(cloud.post(token_auth(token)), 404)
