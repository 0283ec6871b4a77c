"""The load balancers' configuration: a template, which `gatestone render haproxy` fills in from a site description.

Depends on nothing; holds no code.
"""
