"""A container's health check: is the listener there, and does it say that it is well?

alive.py ADDRESS PORT              a listener for certificates or proxies: it takes connections
alive.py ADDRESS PORT NAME [CA]    the API: /healthcheck answers 200, over TLS if CA is given
"""

import http.client
import socket
import ssl
import sys


def main(address: str, port: str, name: str = "", ca: str = "") -> int:
    raw = socket.create_connection((address, int(port)), 2)
    if not name:
        raw.close()
        return 0
    connection = http.client.HTTPConnection(name, timeout=2)
    connection.sock = ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname=name) if ca else raw
    connection.request("GET", "/healthcheck")
    return 0 if connection.getresponse().status == 200 else 1


if __name__ == "__main__":
    try:
        code = main(*sys.argv[1:])
    except (OSError, http.client.HTTPException) as fault:
        print(type(fault).__name__, fault, file=sys.stderr)
        code = 1
    sys.exit(code)
