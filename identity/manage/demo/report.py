"""What the demo shows and hands over: tables, demo.json, openrc blocks, clouds.yaml."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .doors import Door
from .pki import write_private
from .tour import COMMANDS, Row, client_directory
from .world import ADMIN, DOMAIN, REGION, Person, World


def console() -> Console:
    """Wide enough for the tables where nobody's terminal sets the width."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=150)


def tour_table(rows: Sequence[Row]) -> Table:
    """Times are the whole command's: most of each is the client's own start."""
    title = f"The tour (ms: {', '.join(' '.join(words) for words in COMMANDS)}; the client's own start included)"
    table = Table(
        "method",
        "client set",
        "user",
        "project",
        "roles",
        "expires, UTC",
        "ms",
        "",
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
    )
    for row in rows:
        verdict = (
            Text("FAILED", "bold red") if row.fault else Text("ok" + (f", {row.retries} again" if row.retries else ""), "green")
        )
        who = (row.login.method, row.login.client, row.user or row.login.person.name, row.project, row.roles)
        table.add_row(*who, row.expires[:19].replace("T", " "), " ".join(map(str, row.times)), verdict)
    for column in (0, 1, 5, 6):
        table.columns[column].no_wrap = True
    return table


def error_lines(log: Path, most: int = 5) -> list[str]:
    """The last lines of a log that tell of trouble: with a temporary directory, nobody can look there later."""
    lines = log.read_text("utf-8", "replace").splitlines()
    return [line[:1000] for line in lines if '"level": "error"' in line or "Traceback" in line][-most:]


def doors_table(doors: Iterable[Door]) -> Table:
    table = Table("door", "tried", "answer", "", box=box.SIMPLE_HEAD, title="The doors hold", title_justify="left")
    for door in doors:
        table.add_row(door.name, door.tried, Text(door.answer), Text("held", "green") if door.held else Text("OPEN", "bold red"))
    return table


def write_demo_json(world: World, pid: int) -> Path:
    """Tell scripts where everything is: whole or not at all, for its owner only."""
    target = world.directory / "demo.json"
    document = {
        "api_url": world.api_url,
        "x509_url": world.x509_url,
        "ca": str(world.ca),
        "admin": {"user": ADMIN, "password": world.admin_password, "project": ADMIN, "domain": DOMAIN},
        "users": [_person(person) for person in world.people],
        "client_ca": {"cert": str(world.client_ca.cert), "key": str(world.client_ca.key)},
        "revoked": {"cert": str(world.revoked.cert), "key": str(world.revoked.key)},
        "krb5_conf": str(world.realm.krb5_conf),
        "realm": world.realm.realm,
        "log": str(world.log("api")),
        "pid": pid,
    }
    unfinished = write_private(world.directory / ".demo.json", json.dumps(document, indent=2).encode())
    os.replace(unfinished, target)
    return target


def _person(person: Person) -> dict[str, Any]:
    return {
        "user": person.name,
        "password": person.password,
        "principal": person.principal,
        "keytab": str(person.keytab),
        "cert": str(person.pair.cert),
        "key": str(person.pair.key),
        "projects": list(person.projects),
    }


def blocks(world: World) -> dict[str, str]:
    """A title and a block of shell for each method; each forgets what an earlier one set."""
    alice, bob, carol = world.people
    ticket = f"FILE:{world.directory}/realm/{bob.name}.cc"
    password = {"OS_USERNAME": alice.name, "OS_PASSWORD": alice.password, "OS_USER_DOMAIN_NAME": DOMAIN}
    kerberos = {"KRB5_CONFIG": str(world.realm.krb5_conf), "KRB5CCNAME": ticket}
    certificate = {"OS_CERT": str(carol.pair.cert), "OS_KEY": str(carol.pair.key)}
    kinit = f"kinit -k -t {shlex.quote(str(bob.keytab))} {shlex.quote(bob.principal)}"
    return {
        f"password ({alice.name})": _block(world, alice, f"{world.api_url}/main/v3", password),
        f"Kerberos ({bob.name})": _block(world, bob, f"{world.api_url}/krb/v3", kerberos) + kinit + "\n",
        f"X.509 ({carol.name})": _block(world, carol, f"{world.x509_url}/x509/v3", certificate),
    }


def _block(world: World, person: Person, url: str, special: dict[str, str]) -> str:
    variables = {
        "OS_AUTH_URL": url,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_PROJECT_NAME": person.projects[0],
        "OS_PROJECT_DOMAIN_NAME": DOMAIN,
        "OS_REGION_NAME": REGION,
        "OS_CACERT": str(world.ca),
        **special,
    }
    forget = "for v in $(env | sed -n 's/^\\(OS_[A-Z0-9_]*\\)=.*/\\1/p'); do unset \"$v\"; done\n"
    where = client_directory()
    path = f'export PATH={shlex.quote(str(where))}:"$PATH"\n' if where else ""
    return forget + path + "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def clouds(world: World) -> str:
    """clouds.yaml with one entry a method; the plugins are named, so it also serves programs that use the SDK."""
    alice, bob, carol = world.people
    api, x509 = world.api_url, world.x509_url
    secret = {"username": alice.name, "password": alice.password, "user_domain_name": DOMAIN}
    entries: tuple[tuple[str, str, Person, dict[str, str], dict[str, str]], ...] = (
        ("gatestone-password", "v3password", alice, {"auth_url": f"{api}/main/v3", **secret}, {}),
        ("gatestone-kerberos", "v3kerberos", bob, {"auth_url": f"{api}/krb/v3", "mutual_auth": "required"}, {}),
        (
            "gatestone-x509",
            "v3x509",
            carol,
            {"auth_url": f"{x509}/x509/v3"},
            {"cert": str(carol.pair.cert), "key": str(carol.pair.key)},
        ),
    )
    lines = ["clouds:"]
    for name, kind, person, auth, beside in entries:
        scope = {"project_name": person.projects[0], "project_domain_name": DOMAIN}
        common = {"region_name": REGION, "identity_api_version": "3", "cacert": str(world.ca)}
        lines += [f"  {name}:", f"    auth_type: {kind}", "    auth:"]
        lines += [f"      {key}: {json.dumps(value)}" for key, value in {**auth, **scope}.items()]
        lines += [f"    {key}: {json.dumps(value)}" for key, value in {**beside, **common}.items()]
    return "\n".join(lines) + "\n"


def write_ready_to_paste(world: World) -> Path:
    """The blocks as files too: openrc-*.sh and clouds.yaml; returns the latter."""
    for title, block in blocks(world).items():
        write_private(world.directory / f"openrc-{title.split()[0].lower().replace('.', '')}.sh", block.encode())
    return write_private(world.directory / "clouds.yaml", clouds(world).encode())


def show_ready_to_paste(screen: Console, world: World) -> None:
    for title, block in blocks(world).items():
        screen.print(Text(f"# {title}: paste into a shell, then e.g. openstack token issue", "bold"))
        screen.print(block, soft_wrap=True, markup=False)
    screen.print(Text("# gatestone-kerberos needs KRB5_CONFIG, KRB5CCNAME and the kinit of the block above.", "bold"))
    screen.print(Text(f"# clouds.yaml: export OS_CLIENT_CONFIG_FILE={world.directory}/clouds.yaml", "bold"))
    screen.print(clouds(world), soft_wrap=True, markup=False)
