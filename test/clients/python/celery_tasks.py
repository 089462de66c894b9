"""The Celery application of celery_lane.py: its tasks, imported by the worker too."""

import os

from celery import Celery

QUEUE = os.environ["LANE_QUEUE"]

app = Celery("lane", broker=os.environ["LANE_BROKER"], backend="rpc://")
app.conf.update(
    task_default_queue=QUEUE,
    task_acks_late=True,
    worker_prefetch_multiplier=2,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": True},
    worker_cancel_long_running_tasks_on_connection_loss=False,
)


@app.task
def square(number):
    return number * number


@app.task(bind=True, max_retries=3)
def stubborn(self):
    """Succeeds at its fourth attempt."""
    if self.request.retries < 3:
        raise self.retry(countdown=0)
    return self.request.retries


@app.task
def fail(reason):
    raise ValueError(reason)


@app.task
def length_of(text):
    return len(text)
