"""Runs the field's own test suites for the Identity API against a gateway and compares each result with Keystone's.

Owns the throw-away gateway, the suites' configuration and the comparison; the suites live in .venv-conformance and share nothing
with us but a TCP port.
"""
