"""Transport and the trust boundary: listeners, TLS, request heads, request ids, log and metrics.

Owns what happens to a request before and after the application; depends on model, ports, errors and settings only.
"""
