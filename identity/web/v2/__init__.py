"""Version 2.0 of the API: the same services, store and policy as version 3, in the shapes that old clients know.

Knows users and projects (here: tenants) of the default domain alone; whatever is of another one is not there.
"""
