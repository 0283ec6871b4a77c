"""Logins for a Gatestone gateway: plugins `v3x509` and `gatestone`, and an `openstack` extension.

Imports nothing here: every `openstack` command loads this package, whatever cloud it talks to.
"""
