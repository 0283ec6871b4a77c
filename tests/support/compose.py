"""Reads what a compose file says of its services."""

from __future__ import annotations

from typing import Any


def mounts(service: dict[str, Any]) -> list[tuple[str, str]]:
    """Source and target of each bind mount and volume."""
    return [(one.split(":")[0], one.split(":")[1]) for one in service.get("volumes", ())]


def gateways(compose: dict[str, Any]) -> dict[str, Any]:
    """The services that run this project's own program."""
    return {name: one for name, one in compose["services"].items() if one.get("build", {}).get("target") == "gateway"}
