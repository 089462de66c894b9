"""Celery with a real worker process: tasks, retries, countdowns, failures, results over rpc://,
remote control, and a worker whose connections the broker closes."""

import os
import signal
import subprocess
import sys

import lane

QUEUE = lane.unique("celery")
WORKER = f"{QUEUE}@localhost"
os.environ["LANE_QUEUE"] = QUEUE
# The module makes its application when it is imported.
os.environ["LANE_BROKER"] = lane.AMQP_URL

import celery_tasks as tasks  # noqa: E402
from celery import group  # noqa: E402


def start_worker():
    """One process that takes tasks; as the user whose connections are closed in `reconnect`."""
    here = os.path.dirname(__file__)
    command = [sys.executable, "-m", "celery", "--app", "celery_tasks", "worker"]
    options = ["--pool", "solo", "--hostname", WORKER, "--loglevel", "warning"]
    environment = {**os.environ, "LANE_BROKER": lane.DOOMED_URL}
    return subprocess.Popen([*command, *options], cwd=here, env=environment, stdout=sys.stderr)


def result_of(task, *arguments, **options):
    return task.apply_async(arguments, **options).get(timeout=lane.WAIT_SECONDS)


def remote_control():
    def answers():
        return tasks.app.control.ping(destination=[WORKER], timeout=1)

    lane.expect(lane.until("the worker", answers), [{WORKER: {"ok": "pong"}}], "ping")
    queues = tasks.app.control.inspect([WORKER]).active_queues()[WORKER]
    lane.expect([queue["name"] for queue in queues], [QUEUE], "the queues of the worker")


def task_and_result():
    lane.expect(result_of(tasks.square, 12), 144, "the result")


def many_tasks():
    results = group(tasks.square.s(n) for n in range(50)).apply_async()
    squares = results.get(timeout=lane.WAIT_SECONDS)
    lane.expect(squares, [n * n for n in range(50)], "the results")


def retry():
    lane.expect(result_of(tasks.stubborn), 3, "retries")


def countdown():
    lane.expect(result_of(tasks.square, 5, countdown=0.2), 25, "the result")


def failure():
    try:
        result_of(tasks.fail, "as asked")
        raise AssertionError("the task did not fail")
    except ValueError as error:
        lane.expect(str(error), "as asked", "the error")


def large_argument():
    lane.expect(result_of(tasks.length_of, "x" * lane.LARGE_BODY_BYTES), lane.LARGE_BODY_BYTES, "length")


def reconnect():
    lane.close_doomed_connections()
    lane.expect(result_of(tasks.square, 7), 49, "the result")
    lane.expect(result_of(tasks.stubborn), 3, "retries")


def warm_shutdown():
    worker.send_signal(signal.SIGTERM)
    lane.expect(worker.wait(lane.WAIT_SECONDS), 0, "the worker's exit code")


worker = start_worker()
try:
    lane.run(
        remote_control,
        task_and_result,
        many_tasks,
        retry,
        countdown,
        failure,
        large_argument,
        reconnect,
        warm_shutdown,
    )
finally:
    worker.kill()
