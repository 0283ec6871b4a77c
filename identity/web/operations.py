"""For the load balancer and the monitoring: neither needs a token, neither tells a secret."""

from __future__ import annotations

from identity.web.context import Call
from identity.web.reply import Reply, json_reply
from identity.web.route import PUBLIC, route


@route("GET", "/healthcheck", policy=PUBLIC, summary="Say whether this listener can serve.", errors=(503,))
def healthcheck(call: Call) -> Reply:
    """200 when tokens can be served, 503 when not; `detail` names the parts that are away: why is for the log and the doctor."""
    health = call.services.health()
    return json_reply(health, 200 if health["status"] == "ok" else 503)


@route("GET", "/metrics", policy=PUBLIC, summary="Figures for Prometheus.")
def metrics(call: Call) -> Reply:
    body, content_type = call.services.metrics()
    return Reply(body, content_type=content_type)
