"""What an error of the database or its driver means to the caller."""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NoResultFound, ProgrammingError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ..errors import BadRequest, Conflict, NotFound, Problem, Unavailable

NO_SCHEMA = "the schema is missing or old: run `gatestone db upgrade`"
UNDEFINED = ("42P01", "42703")  # undefined table, undefined column
REFERENCE = ("23503", "SQLITE_CONSTRAINT_FOREIGNKEY")
READ_ONLY = "25006"
TOO_LONG = "57014"  # `database.statement_timeout` ended it
DUPLICATE = ("23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")


class LostConnection(Exception):
    """The server is no longer at the other end."""


def driver_failures() -> tuple[type[BaseException], ...]:
    """Everything that a transaction may raise by itself, not through our own code."""
    return (SQLAlchemyError, LostConnection, UnicodeEncodeError, OverflowError, *_raw_errors())


def meaning(error: BaseException) -> BaseException:
    """The problem that stands for `error`; `error` itself where it is a mistake of ours. Never names the URL or a value."""
    if isinstance(error, StatementError) and isinstance(error.orig, (UnicodeError, OverflowError)):
        error = error.orig
    if isinstance(error, (UnicodeEncodeError, OverflowError, DataError)):
        return BadRequest("A value in the request cannot be stored.", reason=f"refused by the database: {code(error)}")
    if isinstance(error, IntegrityError):
        return _integrity(error)
    if isinstance(error, ProgrammingError) and code(error) not in UNDEFINED:
        return error
    if code(error) == TOO_LONG:
        told = "This took the database too long; ask for less at once, by filters or `limit`, or try again."
        return Unavailable(told, reason=f"database: {explain(error)}")
    if isinstance(error, (DBAPIError, PoolTimeout, NoResultFound)) or not isinstance(error, SQLAlchemyError):
        return Unavailable(reason=f"database: {explain(error)}")
    return error


def gave_up(error: BaseException) -> bool:
    """Whether it was we who ended the connection, tired of waiting (`patience.Silent`)."""
    return getattr(getattr(error, "orig", None) or error, "gave_up", False)


def lost_answer(error: BaseException) -> Unavailable:
    """The commit was sent, and the connection ended before its answer: both ways are possible, and that is what we say."""
    return Unavailable(
        "The answer of the database was lost: the change may have been made, or not. Look before you repeat it.",
        reason=f"database: the answer to a commit was lost ({code(error)})",
    )


def _integrity(error: IntegrityError) -> Problem:
    found = code(error)
    if found in DUPLICATE:
        return Conflict(reason=f"a row like this exists already ({found})")
    if found in REFERENCE:
        return NotFound(reason=f"a row refers to one that is not there, or is still referred to ({found})")
    return BadRequest("A value in the request cannot be stored.", reason=f"refused by a constraint ({found})")


def explain(error: BaseException) -> str:
    """Why the database did not serve, in words for the log."""
    if isinstance(error, PoolTimeout):
        return "every connection is in use"
    if isinstance(error, NoResultFound):  # only the counter's row is ever taken for granted
        return NO_SCHEMA
    found = code(error)
    if found in UNDEFINED or "no such table" in str(error) or "no such column" in str(error):
        return NO_SCHEMA
    words = {
        TOO_LONG: "a statement took too long",
        "55P03": "waited too long for a lock",
        "40P01": "deadlock",
        READ_ONLY: "the server is read-only",
        "28P01": "the server refused our password",
        "28000": "the server refused our login",
        "3D000": "the database does not exist",
        "53300": "the server has too many connections",
        "SQLITE_BUSY": "waited too long for another writer",
        "SQLITE_READONLY": "the file is read-only",
        "SQLITE_FULL": "the disk is full",
        "SQLITE_CANTOPEN": "the file cannot be opened",
        "SQLITE_NOTADB": "the file is not a database",
        "SQLITE_CORRUPT": "the file is damaged",
    }
    return f"{words.get(found, 'the connection failed')} ({found})"


def code(error: BaseException) -> str:
    """The SQLSTATE, SQLite's error name, or else the type's name."""
    origin: Any = getattr(error, "orig", None) or error
    return getattr(origin, "sqlstate", None) or getattr(origin, "sqlite_errorname", None) or type(origin).__name__


def _raw_errors() -> tuple[type[BaseException], ...]:
    """The drivers' own errors, as the opening of a transaction raises them; psycopg counts only once it is loaded."""
    psycopg = sys.modules.get("psycopg")
    return (sqlite3.Error, psycopg.Error) if psycopg else (sqlite3.Error,)
