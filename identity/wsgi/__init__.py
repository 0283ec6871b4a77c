"""Transport and the trust boundary: listeners, TLS, request heads, request ids, log and metrics.

Owns what happens to a request before and after the application; depends on model, ports, errors and settings,
and on one plugin's rule for certificates, so that a handshake and a request judge alike.
"""
