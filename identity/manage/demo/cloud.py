"""The demo's cloud: what `gatestone bootstrap` makes, and users, projects, roles and a catalogue beside it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from sqlalchemy import Connection

from ...model.catalog import Endpoint, Service
from ...services.hashing import Hasher
from ...services.lockout import password_end
from ...settings import SecurityCompliance
from ...store import endpoints, grants, migrations, projects, roles, services, users
from ...store.engine import Store
from .. import first_cloud, opening
from .world import ADMIN, PEOPLE, REGION, World

_EVERYWHERE = ("public", "internal", "admin")
# Type, name, URL. Nobody listens there: what counts is that clients find them.
SERVICES = (
    ("compute", "nova", "https://compute.demo.test:8774/v2.1/$(project_id)s"),
    ("placement", "placement", "https://placement.demo.test:8778"),
    ("image", "glance", "https://image.demo.test:9292"),
    ("network", "neutron", "https://network.demo.test:9696"),
    ("object-store", "swift", "https://object.demo.test:8080/v1/AUTH_$(project_id)s"),
    ("block-storage", "cinder", "https://volume.demo.test:8776/v3/$(project_id)s"),
)


def fill(world: World) -> None:
    """Schema, keys, and everybody who can log in."""
    settings = world.settings
    identity_url = f"{world.api_url}/main/v3"
    plan = first_cloud.Plan(
        domain_id=settings.identity.default_domain_id,
        user=ADMIN,
        password=world.admin_password,
        project=ADMIN,
        region=REGION,
        urls=dict.fromkeys(_EVERYWHERE, identity_url),
    )
    hasher = Hasher(settings.identity)
    with opening.opened(settings) as store, ThreadPoolExecutor(2) as pool:
        hashes = pool.map(hasher.hash, [person.password for person in world.people])
        migrations.upgrade(store)
        opening.first_keys(settings, store)
        ids = first_cloud.make(store, settings, plan, time.time)
        _people(store, ids.domain, dict(zip(PEOPLE, hashes, strict=True)), settings.security_compliance)


def _people(store: Store, domain_id: str, hashes: dict[str, str], policy: SecurityCompliance) -> None:
    with store.begin() as tx:
        now = time.time()
        names = dict.fromkeys(project for targets in PEOPLE.values() for project, _ in targets)
        ids = {name: projects.create(tx, name=name, domain_id=domain_id, now=now) for name in names}
        for name, targets in PEOPLE.items():
            user = users.create(
                tx,
                name=name,
                domain_id=domain_id,
                now=now,
                hash=hashes[name],
                password_expires_at=password_end(policy, now),
                default_project_id=ids[targets[0][0]],
            )
            for project, role in targets:
                grants.add(tx, grants.Grant("user", user, "project", ids[project], _role(tx, role)), now)
        _services(tx, now)


def _role(tx: Connection, name: str) -> str:
    found = roles.find(tx, name)
    if found is None:
        raise LookupError(f"bootstrap did not make the role {name}")
    return found.id


def _services(tx: Connection, now: float) -> None:
    for kind, name, url in SERVICES:
        service = services.create(tx, Service(uuid4().hex, kind, name), now)
        for interface in _EVERYWHERE:
            endpoints.create(tx, Endpoint(uuid4().hex, interface, REGION, url, service), now)
