"""Use cases: the only place where steps are sequenced.

Must not know Flask, HTTP or SQL statements; plugins, providers and the store are handed in by `identity.app`.
"""
