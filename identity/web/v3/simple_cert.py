"""Simple cert."""
