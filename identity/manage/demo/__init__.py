"""`gatestone demo`: a throw-away cloud with its own authority, realm and database, and a tour through it.

Owns everything that it starts and writes, and removes it. Nothing outside this package may depend on it, save tests.
"""
