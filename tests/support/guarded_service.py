"""A WSGI application behind keystonemiddleware's auth_token, whichever release of it the interpreter has.

The options come as JSON on standard input, so that the service's password is in no list of processes. Standard library apart
from the middleware: this runs in an environment without any code of ours.
"""

import json
import sys
from importlib.metadata import version
from wsgiref.simple_server import WSGIRequestHandler, make_server

from keystonemiddleware.auth_token import AuthProtocol


class Quiet(WSGIRequestHandler):
    def log_message(self, *_words):
        """No line a request: the token would not be in it, but nobody reads it either."""


def seen(environ, start_response):
    """Tell what the middleware has found out."""
    told = {name: value for name, value in environ.items() if isinstance(value, str) and name.startswith("HTTP_X_")}
    body = json.dumps(told).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def main():
    guarded = AuthProtocol(seen, json.load(sys.stdin))
    with make_server("127.0.0.1", 0, guarded, handler_class=Quiet) as server:
        print("READY", server.server_port, version("keystonemiddleware"), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
