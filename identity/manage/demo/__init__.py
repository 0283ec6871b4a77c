"""`gatestone demo`: a throw-away cloud with its own authority, realm and database, and a tour through it.

Owns everything that it starts and writes, and removes it. Nothing in the server may depend on it; tests and `tools/bench` do.
"""
