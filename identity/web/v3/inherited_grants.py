"""Inherited grants."""
