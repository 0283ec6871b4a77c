"""The virtual hosts for a site that wants Apache before the gateway: a template for `gatestone render apache`.

Depends on nothing; holds no code.
"""
