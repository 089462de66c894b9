"""What the Python lanes share: their arguments, names, the HTTP API, and the lines they print.

A lane is a program `LANE.py AMQP_URL MANAGEMENT_URL DOOMED_URL`. DOOMED_URL is of a user whose
connections the lane closes through the HTTP API, to see its client come back. For each scenario,
a function, the lane prints `ok NAME` or `not ok NAME REASON`; tracebacks go to stderr. With
LANE_TLS_PORT and the files of LANE_TLS_CA, _CERT and _KEY it shows the scenarios with TLS instead.
"""

import asyncio
import base64
import hashlib
import inspect
import json
import os
import ssl
import sys
import time
import traceback
import urllib.parse
import urllib.request
import uuid

AMQP_URL, MANAGEMENT_URL, DOOMED_URL = sys.argv[1:4]
TLS_PORT, TLS_CA, TLS_CERT, TLS_KEY = (
    os.environ.get(f"LANE_TLS_{name}", "") for name in ("PORT", "CA", "CERT", "KEY")
)
WAIT_SECONDS = 20
RETRIES = 3
RETRY_DELAY_MILLIS = 50
LARGE_BODY_BYTES = 8 * 1024 * 1024
DIRECT_REPLY_TO = "amq.rabbitmq.reply-to"
SCENARIOS = (
    "rpc_reply_queue",
    "rpc_direct_reply_to",
    "work_queue_prefetch",
    "work_queue_requeue",
    "fanout",
    "topic",
    "confirms_and_returns",
    "dead_letter_retry",
    "large_body",
    "reconnect",
    "policy",
)
TLS_SCENARIOS = ("tls", "external")


def unique(what):
    return f"lane.{what}.{uuid.uuid4().hex[:12]}"


def digest(body):
    return hashlib.sha256(body).hexdigest()


def large_body():
    return os.urandom(LARGE_BODY_BYTES)


def expect(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def until(what, attempt, step=lambda: time.sleep(0.02)):
    """Calls `attempt`, and `step` in between, until it returns something true, which is returned."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (result := attempt()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {WAIT_SECONDS} s in vain for {what}")
        step()
    return result


def retry_arguments(work, retry):
    """The arguments of a queue and of the one where its rejected messages wait for another try."""
    to_retry = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": retry}
    to_work = {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": work,
        "x-message-ttl": RETRY_DELAY_MILLIS,
    }
    return to_retry, to_work


def death_count(headers, queue, reason):
    for death in (headers or {}).get("x-death", []):
        if death["queue"] == queue and death["reason"] == reason:
            return death["count"]
    return 0


def expect_deaths(headers, work, retry):
    expect(death_count(headers, work, "rejected"), RETRIES, "rejected by x-death")
    expect(death_count(headers, retry, "expired"), RETRIES, "expired by x-death")
    expect(headers["x-first-death-queue"], work, "x-first-death-queue")


def call(method, path, body=None):
    request = urllib.request.Request(
        f"{MANAGEMENT_URL}/api/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(),
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def close_doomed_connections():
    """Closes the connections of the user in DOOMED_URL, as an operator does."""
    user = urllib.parse.urlparse(DOOMED_URL).username
    call("DELETE", f"connections/username/{user}")


class LengthLimit:
    """A policy that lets the queue keep two messages and refuses further ones."""

    def __init__(self, queue):
        self.path = f"policies/%2F/{queue}"
        self.policy = {
            "pattern": "^" + queue.replace(".", "\\.") + "$",
            "definition": {"max-length": 2, "overflow": "reject-publish"},
            "apply-to": "queues",
        }

    def __enter__(self):
        call("PUT", self.path, self.policy)

    def __exit__(self, *_error):
        call("DELETE", self.path)


def tls_context(with_certificate):
    """Trusts the authority of the test, and nobody else."""
    context = ssl.create_default_context(cafile=TLS_CA)
    if with_certificate:
        context.load_cert_chain(TLS_CERT, TLS_KEY)
    return context


def tls_body():
    return os.urandom(1024 * 1024)


def run_scenarios(module):
    """Those that every lane of a plain AMQP client has, by their names."""
    run(*(getattr(module, name) for name in (TLS_SCENARIOS if TLS_PORT else SCENARIOS)))


def run(*scenarios):
    for scenario in scenarios:
        name = scenario.__name__.replace("_", "-")
        try:
            if inspect.iscoroutinefunction(scenario):
                asyncio.run(asyncio.wait_for(scenario(), 2 * WAIT_SECONDS))
            else:
                scenario()
            print(f"ok {name}", flush=True)
        except Exception as error:  # a scenario may fail in any way its client knows
            traceback.print_exc()
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"not ok {name} {reason}", flush=True)
