"""Owns the spellings of tokens (Fernet, JWS, UUID), their audit ids, and the keys that make them.

Must not depend on plugins, policy, services or the web; expiry, revocation and roles are not its business.
"""
