"""Owns the list of services that a token shows: where it is read from, how its URLs are filled in, how it is encoded.

Must not depend on the web, on tokens or on policy; `catalog.sql` alone knows the store.
"""
