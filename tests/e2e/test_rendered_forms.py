"""Every form of the configuration is one that the real programs take: `haproxy -c`, `apachectl configtest`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from identity.manage.config import to_toml
from identity.manage.site import filling, reading
from tests.support import apache
from tests.support.pki import Authority

CERTIFICATES = 'rules = [{ issuer = "CN=Users", subject = "CN={user}", domain = "Default" }]\n'
X509 = '[[x509]]\nname = "x1"\naddress = "{a}21"\n[certificates]\n' + CERTIFICATES
V2 = '[[v2]]\nname = "v2a"\naddress = "{a}41"\n'
APACHE = '[apache]\nv3 = true\nx509 = true\nuser = "nobody"\n'
FORMS = {
    "the least": "",
    "both pools": V2,
    "certificates pass through": V2 + X509,
    "certificates end here": X509 + 'mode = "terminate"\n',
    "an own user, exempt networks, one address": "[paths]\nhaproxy_user = 'haproxy'\n[limits]\nexempt = ['{a}0/{n}', '{a}9']\n",
    "Apache": X509 + APACHE,
    "Apache with tickets": APACHE + '[kerberos]\nwhere = "apache"\nrealms = { "EXAMPLE.ORG" = "Default" }\n',
}


@pytest.mark.parametrize(("prefix", "bits"), [("192.0.2.", 24), ("2001:db8::", 64)])
@pytest.mark.parametrize("backends", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_the_programs_take_it(tmp_path: Path, form: str, backends: bool, prefix: str, bits: int) -> None:
    issued = Authority("Site").issue_server(["localhost"])
    people = Authority("Users")
    contents = {"site.pem": issued.cert_pem + issued.key_pem, "ca.pem": people.bundle_pem, "crl.pem": people.crl_pem()}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    issued.write(tmp_path, "host")
    own = FORMS[form].replace("{a}", prefix).replace("{n}", str(bits))
    tls = {
        "backends": backends, "site_pem": f"{tmp_path}/site.pem", "ca": f"{tmp_path}/ca.pem", "hop_pem": f"{tmp_path}/site.pem",
        "host_cert": f"{tmp_path}/host.crt", "host_key": f"{tmp_path}/host.key", "site_cert": f"{tmp_path}/host.crt",
        "site_key": f"{tmp_path}/host.key",
    }  # fmt: skip
    places = f'client_ca = "{tmp_path}/ca.pem"\ncrl = "{tmp_path}/crl.pem"\n'
    text = to_toml({"site": {"name": "id.example.org"}, "tls": tls, "database": {"connection": "sqlite://"}})
    hosts = [("load_balancers", "lb01", 11), ("load_balancers", "lb02", 12), ("v3", "v3a", 31), ("v3", "v3b", 32)]
    for kind, name, number in hosts:
        text += f'\n[[{kind}]]\nname = "{name}"\naddress = "{prefix}{number}"\n'
    site = reading.read(text + own.replace("[certificates]\n", f"[certificates]\n{places}"))
    for name, text in filling.files(site, "haproxy").items():
        file = tmp_path / name.replace("/", "-")
        file.write_text(text)
        done = subprocess.run(["/usr/sbin/haproxy", "-c", "-f", str(file)], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    fronted = filling.files(site, "apache")
    assert bool(fronted) == ("Apache" in form)
    for name, text in fronted.items():
        file = tmp_path / name.replace("/", "-")
        file.write_text(text)
        apache.configtest(apache.config(tmp_path, [file]))
