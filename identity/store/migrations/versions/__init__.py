"""One file a step, in the order of their numbers.

Owns the DDL; depends on Alembic and SQLAlchemy, never on the tables as they are declared today.
"""
