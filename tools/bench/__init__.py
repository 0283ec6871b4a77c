"""Measures the running service: `python -m tools.bench` prints a table and writes build/bench.json.

Owns the cloud that is measured, the load driver and the peer beside it; the product must not depend on it.
"""
