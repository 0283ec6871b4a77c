"""The Identity API version 3.

Owns its bodies and renderings; must not hold what version 2.0 would need as well (that is a service's).
"""
