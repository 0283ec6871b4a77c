"""The Flask application: every declared route, bound to the services. Paths without variables, or one at the end, bypass Flask."""

from __future__ import annotations

import logging
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import Rule

from identity import errors
from identity.services import path_rules
from identity.web import cell
from identity.web.context import Call, Services
from identity.web.declarations import served
from identity.web.problem import of_status, problem_reply
from identity.web.reply import Reply
from identity.web.route import PUBLIC, Route

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_log = logging.getLogger(__name__)
_NO_METHOD: Mapping[str, Route] = {}
_NO_ENDING = ("", _NO_METHOD)
_STATUS_LINES = {status: f"{status} {phrase.upper()}" for status, phrase in HTTP_STATUS_CODES.items()}


class _OneWay(Rule):
    """A rule that is matched, and from which no URL is ever built: compiling code for that was two thirds of a start."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return _no_url


def _no_url(rule: Rule, /, **_: Any) -> tuple[str, str]:
    raise NotImplementedError(f"no URL is built from {rule.rule}")


def make(services: Services) -> flask.Flask:
    """One URL rule a path, whose view looks its method up: HEAD may have a policy of its own."""
    app = flask.Flask("gatestone", static_folder=None)
    app.url_rule_class = _OneWay
    app.url_map.merge_slashes = False  # the edge refuses doubled slashes; nothing is redirected here
    app.url_map.strict_slashes = True
    by_path: defaultdict[str, dict[str, Route]] = defaultdict(dict)
    for declared in cell.offered(served(services.settings.server.apis), services.settings.cell):
        by_path[declared.path][declared.method] = declared
    for path, table in by_path.items():
        if "GET" in table:
            table.setdefault("HEAD", table["GET"])
        view = _view(table, services)
        app.add_url_rule(path, endpoint=path, view_func=view, methods=list(table))
        if f"{path}/" not in by_path and not path.endswith("/"):  # Keystone takes both; a redirect would lose the body
            app.add_url_rule(f"{path}/", endpoint=path, view_func=view, methods=list(table))
    app.register_error_handler(HTTPException, _http_error(services))
    app.wsgi_app = _plain_first(by_path, services, app.wsgi_app)  # type: ignore[assignment, method-assign]
    return app


def _view(table: Mapping[str, Route], services: Services) -> Callable[..., flask.Response]:
    caller_of = services.validator.caller
    allow = ", ".join(sorted([*table, "OPTIONS"]))

    def view(**args: str) -> flask.Response:
        environ = flask.request.environ
        try:
            declared = table.get(environ["REQUEST_METHOD"])
            if declared is None:  # methods are case-sensitive (RFC 9110, section 9.1), but the router is not
                raise errors.MethodNotAllowed(headers=(("Allow", allow),))
            caller: Any = None if declared.policy is PUBLIC else caller_of(environ.get("HTTP_X_AUTH_TOKEN"))
            if caller is not None and caller.access.subject.confinement is not None:
                path_rules.check(caller.access, environ["REQUEST_METHOD"], environ.get("SCRIPT_NAME", ""), environ["PATH_INFO"])
            reply = declared.handler(Call(services, environ, args, declared, caller))
        except Exception as error:
            reply = _failure(error, services, environ)
        return flask.Response(reply.body, reply.status, reply.headers, content_type=reply.content_type)

    return view


def _plain_first(by_path: Mapping[str, Mapping[str, Route]], services: Services, others: Wsgi) -> Wsgi:
    """Answers a declared method on a path without variables, or with one at its end, itself, and leaves the rest to `others`.

    There is nothing to route, so the way is 60 us long, where Flask's contexts, signals and router make 240 of it.
    """
    caller_of = services.validator.caller
    tables = {path: table for path, table in by_path.items() if "<" not in path}
    ending = _endings(by_path)

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path, args = environ["REQUEST_METHOD"], environ["PATH_INFO"], {}
        table = tables.get(path)
        if table is None:
            head, _, last = path.rpartition("/")
            name, table = ending.get(head, _NO_ENDING)
            if last and last.isascii():
                args = {name: last}
            else:
                table = _NO_METHOD
        declared = table.get(method)
        if declared is None:
            return others(environ, start_response)
        try:
            caller: Any = None if declared.policy is PUBLIC else caller_of(environ.get("HTTP_X_AUTH_TOKEN"))
            if caller is not None and caller.access.subject.confinement is not None:
                path_rules.check(caller.access, environ["REQUEST_METHOD"], environ.get("SCRIPT_NAME", ""), environ["PATH_INFO"])
            reply = declared.handler(Call(services, environ, args, declared, caller))
        except Exception as error:
            reply = _failure(error, services, environ)
        fields = [("Content-Type", reply.content_type), *reply.headers]
        if reply.status != 204:
            fields.append(("Content-Length", str(len(reply.body))))
        start_response(_STATUS_LINES[reply.status], fields)
        return (b"" if method == "HEAD" else reply.body,)

    return serve


def _endings(by_path: Mapping[str, Mapping[str, Route]]) -> dict[str, tuple[str, Mapping[str, Route]]]:
    """What stands before a variable at the end, with its name. What is not ASCII has to be decoded first, and Flask does that."""
    return {
        head: (last[1:-1], by_path[f"{head}/{last}"])
        for head, _, last in (path.rpartition("/") for path in by_path)
        if last.startswith("<") and "<" not in head
    }


def _failure(error: Exception, services: Services, environ: Mapping[str, Any]) -> Reply:
    if isinstance(error, errors.Problem):
        return _problem(error, services, environ)
    # Where it happened, not with which values: those may be secret.
    where = " | ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)[-8:])
    return _problem(errors.Problem(reason=f"unexpected {type(error).__name__} at {where}"), services, environ)


def _problem(problem: errors.Problem, services: Services, environ: Mapping[str, Any]) -> Reply:
    if problem.status >= 500:
        _log.error("%s %s: %s", problem.status, environ.get("gatestone.request_id"), problem.reason)
    return problem_reply(problem, services.links.base(environ))


def _http_error(services: Services) -> Callable[[HTTPException], flask.Response]:
    def answer(problem: HTTPException) -> flask.Response:
        reply = problem_reply(of_status(problem.code or 500), services.links.base(flask.request.environ))
        response = flask.Response(reply.body, problem.code or 500, reply.headers, content_type=reply.content_type)
        allowed = getattr(problem, "valid_methods", None)
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    return answer
