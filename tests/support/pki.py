"""A real certificate authority for tests; `Authority` is what the demo runs too."""

from __future__ import annotations

from identity.manage.demo.pki import CLIENT, SERVER, Authority, Issued

__all__ = ["CLIENT", "SERVER", "Authority", "Issued"]
