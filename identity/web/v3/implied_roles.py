"""Implied roles."""
