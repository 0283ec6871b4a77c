"""Endpoint filter."""
