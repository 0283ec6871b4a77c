"""Endpoint policy."""
