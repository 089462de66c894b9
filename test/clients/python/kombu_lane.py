"""The scenarios with kombu (over py-amqp), the library beneath Celery."""

import socket
import ssl
import sys
import threading
from contextlib import contextmanager, suppress

from kombu import Connection, Consumer, Exchange, Producer, Queue
from kombu.mixins import ConsumerMixin

import lane


@contextmanager
def connection_and_channel(prefetch_count=0):
    """With confirms: every publish waits for the broker's."""
    with Connection(lane.AMQP_URL, transport_options={"confirm_publish": True}) as connection:
        channel = connection.channel()
        channel.basic_qos(0, prefetch_count, False)
        yield connection, channel


def drain(what, connections, done):
    """Lets the callbacks of all connections run until `done()`."""

    def step():
        for connection in connections:
            with suppress(socket.timeout):
                connection.drain_events(timeout=0.02)

    lane.until(what, done, step)


def declared(channel, what, exchange=None, **options):
    queue = Queue(lane.unique(what), exchange, **options)(channel)
    queue.declare()
    return queue


def consumer(channel, queue, callback, no_ack=False):
    consuming = Consumer(channel, [queue], no_ack=no_ack, on_message=callback)
    consuming.consume()
    return consuming


def send(channel, queue, body, **properties):
    return Producer(channel).publish(body, routing_key=queue, **properties)


def message_count(queue):
    return queue.queue_declare(passive=True).message_count


def call_squares(reply_queue_of):
    reply_names, requests, results = set(), [], {}
    with connection_and_channel(5) as (server, serving), connection_and_channel() as (client, asking):
        squares = declared(serving, "squares", auto_delete=True)

        def answer_all():
            # Not in the callback: py-amqp loses confirms that come while it waits for another.
            while requests:
                request = requests.pop(0)
                reply_to = request.properties["reply_to"]
                reply_names.add(reply_to)
                correlation_id = request.properties["correlation_id"]
                send(serving, reply_to, request.payload**2, correlation_id=correlation_id)
                request.ack()
            return len(results) == 20

        def keep(reply):
            results[reply.properties["correlation_id"]] = reply.payload

        consumer(serving, squares, requests.append)
        replies = reply_queue_of(asking)
        consumer(asking, replies, keep, no_ack=True)
        for n in range(20):
            send(asking, squares.name, n, reply_to=replies.name, correlation_id=str(n))
        drain("20 replies", [server, client], answer_all)
        lane.expect(results, {str(n): n * n for n in range(20)}, "replies")
    return reply_names


def rpc_reply_queue():
    call_squares(lambda channel: declared(channel, "replies", exclusive=True))


def rpc_direct_reply_to():
    names = call_squares(lambda channel: Queue(lane.DIRECT_REPLY_TO, no_declare=True)(channel))
    lane.expect(len(names), 1, "reply names that the server saw")
    lane.expect(names.pop().startswith(lane.DIRECT_REPLY_TO + "."), True, "a generated name")


def work_queue_prefetch():
    with (
        connection_and_channel() as (_publisher, channel),
        connection_and_channel(3) as (one, first),
        connection_and_channel(3) as (other, second),
    ):
        jobs, held, done = declared(channel, "jobs"), [[], []], []
        for own, inbox in zip((first, second), held):
            consumer(own, Queue(jobs.name, no_declare=True)(own), inbox.append)
        for n in range(30):
            send(channel, jobs.name, n, delivery_mode="persistent")
        drain("3 jobs each", [one, other], lambda: [len(each) for each in held] == [3, 3])
        lane.expect(message_count(jobs), 24, "jobs that nobody holds")

        def work():
            for inbox in held:
                lane.expect(len(inbox) <= 3, True, "no more than the prefetch is held")
                for message in inbox:
                    done.append(message.payload)
                    message.ack()
                inbox.clear()
            return len(done) >= 30

        drain("30 jobs", [one, other], work)
        lane.expect(sorted(done), list(range(30)), "jobs done")
        jobs.delete()


def work_queue_requeue():
    with connection_and_channel() as (connection, channel):
        queue, seen = declared(channel, "jobs"), []

        def judge(message):
            redelivered = message.delivery_info["redelivered"]
            if message.payload == "bad":
                message.reject()
            elif redelivered:
                message.ack()
            else:
                message.requeue()
            seen.append((message.payload, redelivered))

        consuming = consumer(channel, queue, judge)
        for body in ("good", "bad"):
            send(channel, queue.name, body)
        drain("3 deliveries", [connection], lambda: len(seen) == 3)
        lane.expect(sorted(seen), [("bad", False), ("good", False), ("good", True)], "seen")
        consuming.cancel()
        lane.expect(queue.delete(), 0, "jobs left")


def fanout():
    with connection_and_channel() as (connection, channel):
        news = Exchange(lane.unique("news"), "fanout", durable=False, auto_delete=True)(channel)
        inboxes = [[], []]
        for inbox in inboxes:
            queue = declared(channel, "subscriber", news, exclusive=True)
            consumer(channel, queue, lambda message, inbox=inbox: inbox.append(message.payload))
        for body in ("one", "two"):
            Producer(channel, news).publish(body, routing_key="any")
        drain("the news", [connection], lambda: all(len(inbox) == 2 for inbox in inboxes))
        lane.expect(inboxes, [["one", "two"]] * 2, "the news")


def topic():
    with connection_and_channel() as (connection, channel):
        orders = Exchange(lane.unique("orders"), "topic", durable=False, auto_delete=True)(channel)
        inbox, returned = [], []
        queue = declared(channel, "subscriber", orders, routing_key="orders.*.eu", exclusive=True)
        queue.bind_to(orders, "audit.#")
        consumer(channel, queue, lambda message: inbox.append(message.payload), no_ack=True)
        on_return = lambda _error, _exchange, key, _message: returned.append(key)  # noqa: E731
        producer = Producer(channel, orders, on_return=on_return)
        for key in ("orders.new.us", "orders.new.eu", "audit", "audit.a.b", "orders.eu"):
            producer.publish(key, routing_key=key, mandatory=True)
        drain("3 messages", [connection], lambda: len(inbox) == 3)
        lane.expect(inbox, ["orders.new.eu", "audit", "audit.a.b"], "routed")
        lane.expect(returned, ["orders.new.us", "orders.eu"], "returned")


def confirms_and_returns():
    with connection_and_channel() as (connection, channel):
        queue, returned = declared(channel, "confirmed"), []
        for n in range(100):
            send(channel, queue.name, n, delivery_mode=1 + n % 2)
        lane.expect(message_count(queue), 100, "messages that were confirmed")
        producer = Producer(channel, on_return=lambda *what: returned.append(what))
        producer.publish("lost", routing_key=lane.unique("missing"), mandatory=True)
        drain("the return", [connection], lambda: returned)
        error, exchange, _key, message = returned[0]
        lane.expect((error.reply_code, exchange, message.body), (312, "", "lost"), "the return")
        lane.expect("NO_ROUTE" in str(error), True, "its text")
        queue.delete()


def dead_letter_retry():
    with connection_and_channel() as (connection, channel):
        work, retry, finished = lane.unique("work"), lane.unique("retry"), []
        to_retry, to_work = lane.retry_arguments(work, retry)
        queues = [
            Queue(work, queue_arguments=to_retry)(channel),
            Queue(retry, queue_arguments=to_work)(channel),
        ]
        for queue in queues:
            queue.declare()

        def attempt(message):
            if lane.death_count(message.headers, work, "rejected") < lane.RETRIES:
                message.reject()
            else:
                message.ack()
                finished.append(message.headers)

        consuming = consumer(channel, queues[0], attempt)
        send(channel, work, "stubborn", delivery_mode="persistent")
        drain("the last attempt", [connection], lambda: finished)
        lane.expect_deaths(finished[0], work, retry)
        # py-amqp raises when the broker cancels a consumer.
        consuming.cancel()
        for queue in queues:
            queue.delete()


def large_body():
    with connection_and_channel() as (connection, channel):
        queue, inbox, body = declared(channel, "large", exclusive=True), [], lane.large_body()
        consumer(channel, queue, inbox.append, no_ack=True)
        headers = {"text": "ü", "count": 42}
        send(channel, queue.name, body, headers=headers, message_id="large")
        drain("the large body", [connection], lambda: inbox)
        lane.expect(lane.digest(inbox[0].body), lane.digest(body), "its digest")
        lane.expect(inbox[0].headers, headers, "its headers")
        lane.expect(inbox[0].properties["message_id"], "large", "its message id")


class Subscriber(ConsumerMixin):
    """Kombu's own loop: connects again, declares and consumes again, for as long as it runs."""

    def __init__(self, connection, queue):
        self.connection, self.queue = connection, queue
        self.inbox, self.losses = [], []

    def get_consumers(self, Consumer, channel):
        return [Consumer([self.queue], on_message=self.keep, no_ack=True)]

    def keep(self, message):
        self.inbox.append(message.payload)

    def on_connection_error(self, exc, interval):
        self.losses.append(exc)

    def on_connection_revived(self):
        self.losses.append("revived")


def reconnect():
    with connection_and_channel() as (_connection, channel), Connection(lane.DOOMED_URL) as doomed:
        events = Exchange(lane.unique("events"), "direct", durable=False)(channel)
        events.declare()
        unbound = Exchange(events.name, "direct", durable=False)
        queue = Queue(lane.unique("subscriber"), unbound, routing_key="event", exclusive=True)
        subscriber = Subscriber(doomed, queue)
        thread = threading.Thread(target=subscriber.run)
        thread.start()
        try:
            for body in ("before", "after"):

                def received():
                    Producer(channel, events).publish(body, routing_key="event")
                    return body in subscriber.inbox

                lane.until(f"the event {body}", received)
                if body == "before":
                    lane.close_doomed_connections()
                    lane.until("the loss", lambda: subscriber.losses)
        finally:
            subscriber.should_stop = True
            thread.join()
        events.delete()


def policy():
    with connection_and_channel() as (_connection, channel):
        queue, refused = Queue(lane.unique("limited"))(channel), []
        with lane.LengthLimit(queue.name):
            queue.declare()
            for n in range(4):
                try:
                    send(channel, queue.name, n)
                except Exception as error:  # py-amqp has no class of its own for basic.nack
                    refused.append((n, type(error).__name__))
        lane.expect(refused, [(2, "MessageNacked"), (3, "MessageNacked")], "refused publishes")
        lane.expect(queue.delete(), 2, "messages kept")


def send_and_receive_by_tls(**options):
    files = {"ca_certs": lane.TLS_CA, "cert_reqs": ssl.CERT_REQUIRED, **options.pop("files", {})}
    url = f"amqp://localhost:{lane.TLS_PORT}//"
    with Connection(url, ssl={**files, "server_hostname": "localhost"}, **options) as connection:
        channel, inbox, body = connection.channel(), [], lane.tls_body()
        queue = declared(channel, "secure", exclusive=True)
        consumer(channel, queue, inbox.append, no_ack=True)
        send(channel, queue.name, body)
        drain("the body", [connection], lambda: inbox)
        lane.expect(lane.digest(inbox[0].body), lane.digest(body), "its digest")


def tls():
    send_and_receive_by_tls(userid="guest", password="guest")


def external():
    files = {"certfile": lane.TLS_CERT, "keyfile": lane.TLS_KEY}
    send_and_receive_by_tls(login_method="EXTERNAL", userid="", password="", files=files)


lane.run_scenarios(sys.modules[__name__])
