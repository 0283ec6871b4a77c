"""Accounts, grants, the change log, kept tokens and keys in a relational database; gives out model types.

Depends on `identity.model`, `identity.errors`, `identity.settings` and SQLAlchemy Core; knows nothing of tokens, services or HTTP.
"""
