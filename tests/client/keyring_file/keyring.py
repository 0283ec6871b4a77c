"""What openstacksdk uses of the `keyring` package, in the one file that KEYRING_FILE names.

The package itself would need a desktop's secret service; openstacksdk calls these two functions and no more.
"""

import json
import os
from pathlib import Path


def _load() -> dict[str, str]:
    path = Path(os.environ["KEYRING_FILE"])
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return found


def get_password(service: str, name: str) -> str | None:
    return _load().get(f"{service} {name}")


def set_password(service: str, name: str, secret: str) -> None:
    known = {**_load(), f"{service} {name}": secret}
    Path(os.environ["KEYRING_FILE"]).write_text(json.dumps(known))
