"""What is told to the log, the metrics and the audit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoginEvent:
    """One attempt to log in. `reason` is for operators and never reaches the client; it holds no secret."""

    outcome: str  # "success", "failure", or "challenge": the client was asked for its proof and may come again with it
    methods: tuple[str, ...]
    face: str
    address: str
    request_id: str
    user_id: str | None = None
    user_name: str | None = None
    scope: str | None = None
    reason: str | None = None
    audit_id: str | None = None
