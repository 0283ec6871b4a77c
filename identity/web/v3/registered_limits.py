"""Registered limits."""
