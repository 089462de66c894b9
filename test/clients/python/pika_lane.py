"""The scenarios with pika's blocking connection, which recovers nothing by itself."""

import sys

import pika
from pika.exceptions import ConnectionClosedByBroker, NackError, UnroutableError

import lane


def connect(url=lane.AMQP_URL):
    return pika.BlockingConnection(pika.URLParameters(url))


def pump(what, connections, done):
    """Lets the callbacks of all connections run until `done()`."""

    def step():
        for connection in connections:
            connection.process_data_events(time_limit=0.01)

    lane.until(what, done, step)


def confirming(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    return channel


def collect(channel, queue):
    """Everything that comes from a queue, acknowledged."""
    bodies = []

    def keep(_channel, method, _properties, body):
        bodies.append(body)
        channel.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, keep)
    return bodies


def serve_squares(channel, queue, reply_names):
    def answer(_channel, method, properties, body):
        reply_names.add(properties.reply_to)
        reply = pika.BasicProperties(correlation_id=properties.correlation_id)
        channel.basic_publish("", properties.reply_to, str(int(body) ** 2).encode(), reply)
        channel.basic_ack(method.delivery_tag)

    channel.basic_qos(prefetch_count=5)
    channel.basic_consume(queue, answer)


def call_squares(reply_queue_of):
    server, client = connect(), connect()
    queue, reply_names, results = lane.unique("squares"), set(), {}
    serving, asking = server.channel(), client.channel()
    serving.queue_declare(queue, auto_delete=True)
    serve_squares(serving, queue, reply_names)

    def keep(_channel, _method, properties, body):
        results[properties.correlation_id] = int(body)

    reply_to = reply_queue_of(asking)
    asking.basic_consume(reply_to, keep, auto_ack=True)
    for n in range(20):
        request = pika.BasicProperties(reply_to=reply_to, correlation_id=str(n))
        asking.basic_publish("", queue, str(n).encode(), request)
    pump("20 replies", [server, client], lambda: len(results) == 20)
    lane.expect(results, {str(n): n * n for n in range(20)}, "replies")
    server.close()
    client.close()
    return reply_names


def rpc_reply_queue():
    call_squares(lambda channel: channel.queue_declare("", exclusive=True).method.queue)


def rpc_direct_reply_to():
    names = call_squares(lambda _channel: lane.DIRECT_REPLY_TO)
    lane.expect(len(names), 1, "reply names that the server saw")
    lane.expect(names.pop().startswith(lane.DIRECT_REPLY_TO + "."), True, "a generated name")


def work_queue_prefetch():
    publisher, workers = connect(), [connect(), connect()]
    queue = lane.unique("jobs")
    channel = confirming(publisher)
    channel.queue_declare(queue, durable=True)
    held = [[], []]
    channels = [worker.channel() for worker in workers]
    for own, jobs in zip(channels, held):
        own.basic_qos(prefetch_count=3)
        own.basic_consume(queue, lambda _c, method, _p, body, jobs=jobs: jobs.append((method, body)))
    for n in range(30):
        channel.basic_publish("", queue, str(n).encode(), pika.BasicProperties(delivery_mode=2))
    pump("3 jobs each", workers, lambda: [len(jobs) for jobs in held] == [3, 3])
    left = channel.queue_declare(queue, passive=True).method.message_count
    lane.expect(left, 24, "jobs that nobody holds")
    done = []

    def work():
        for own, jobs in zip(channels, held):
            lane.expect(len(jobs) <= 3, True, "no more than the prefetch is held")
            for method, body in jobs:
                done.append(int(body))
                own.basic_ack(method.delivery_tag)
            jobs.clear()
        return len(done) >= 30

    pump("30 jobs", workers, work)
    lane.expect(sorted(done), list(range(30)), "jobs done")
    channel.queue_delete(queue)
    for connection in [publisher, *workers]:
        connection.close()


def work_queue_requeue():
    connection = connect()
    channel = confirming(connection)
    queue, seen = lane.unique("jobs"), []
    channel.queue_declare(queue)

    def judge(_channel, method, _properties, body):
        seen.append((body, method.redelivered))
        if body == b"bad":
            channel.basic_nack(method.delivery_tag, requeue=False)
        elif method.redelivered:
            channel.basic_ack(method.delivery_tag)
        else:
            channel.basic_reject(method.delivery_tag, requeue=True)

    tag = channel.basic_consume(queue, judge)
    for body in (b"good", b"bad"):
        channel.basic_publish("", queue, body)
    pump("3 deliveries", [connection], lambda: len(seen) == 3)
    lane.expect(sorted(seen), [(b"bad", False), (b"good", False), (b"good", True)], "seen")
    channel.basic_cancel(tag)
    lane.expect(channel.queue_delete(queue).method.message_count, 0, "jobs left")
    connection.close()


def fanout():
    connection = connect()
    channel = confirming(connection)
    exchange = lane.unique("news")
    channel.exchange_declare(exchange, "fanout", auto_delete=True)
    inboxes = []
    for _ in range(2):
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, exchange)
        inboxes.append(collect(channel, queue))
    for body in (b"one", b"two"):
        channel.basic_publish(exchange, "any", body, mandatory=True)
    pump("the news", [connection], lambda: all(len(inbox) == 2 for inbox in inboxes))
    lane.expect(inboxes, [[b"one", b"two"]] * 2, "the news")
    connection.close()


def topic():
    connection = connect()
    channel = confirming(connection)
    exchange = lane.unique("orders")
    channel.exchange_declare(exchange, "topic", auto_delete=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    for pattern in ("orders.*.eu", "audit.#"):
        channel.queue_bind(queue, exchange, pattern)
    inbox, returned = collect(channel, queue), []
    for key in ("orders.new.us", "orders.new.eu", "audit", "audit.a.b", "orders.eu"):
        try:
            channel.basic_publish(exchange, key, key.encode(), mandatory=True)
        except UnroutableError:
            returned.append(key)
    pump("3 messages", [connection], lambda: len(inbox) == 3)
    lane.expect(inbox, [b"orders.new.eu", b"audit", b"audit.a.b"], "routed")
    lane.expect(returned, ["orders.new.us", "orders.eu"], "returned")
    connection.close()


def confirms_and_returns():
    connection = connect()
    channel = confirming(connection)
    queue = lane.unique("confirmed")
    channel.queue_declare(queue, durable=True)
    for n in range(100):
        properties = pika.BasicProperties(delivery_mode=1 + n % 2)
        channel.basic_publish("", queue, str(n).encode(), properties, mandatory=True)
    count = channel.queue_declare(queue, passive=True).method.message_count
    lane.expect(count, 100, "messages that were confirmed")
    try:
        channel.basic_publish("", lane.unique("missing"), b"lost", mandatory=True)
        raise AssertionError("an unroutable message was not returned")
    except UnroutableError as error:
        message = error.messages[0]
        lane.expect(message.method.reply_code, 312, "reply code")
        lane.expect(message.method.reply_text, "NO_ROUTE", "reply text")
        lane.expect(message.body, b"lost", "returned body")
    channel.queue_delete(queue)
    connection.close()


def dead_letter_retry():
    connection = connect()
    channel = confirming(connection)
    work, retry, finished = lane.unique("work"), lane.unique("retry"), []
    to_retry, to_work = lane.retry_arguments(work, retry)
    channel.queue_declare(work, durable=True, arguments=to_retry)
    channel.queue_declare(retry, durable=True, arguments=to_work)

    def attempt(_channel, method, properties, _body):
        if lane.death_count(properties.headers, work, "rejected") < lane.RETRIES:
            channel.basic_reject(method.delivery_tag, requeue=False)
        else:
            channel.basic_ack(method.delivery_tag)
            finished.append(properties.headers)

    channel.basic_consume(work, attempt)
    channel.basic_publish("", work, b"stubborn", pika.BasicProperties(delivery_mode=2))
    pump("the last attempt", [connection], lambda: finished)
    lane.expect_deaths(finished[0], work, retry)
    for queue in (work, retry):
        channel.queue_delete(queue)
    connection.close()


def large_body():
    connection = connect()
    channel = confirming(connection)
    queue = channel.queue_declare("", exclusive=True).method.queue
    inbox, body = collect(channel, queue), lane.large_body()
    properties = pika.BasicProperties(delivery_mode=2, headers={"text": "ü", "count": 42})
    channel.basic_publish("", queue, body, properties, mandatory=True)
    pump("the large body", [connection], lambda: inbox)
    lane.expect(lane.digest(inbox[0]), lane.digest(body), "its digest")
    connection.close()


def reconnect():
    publisher = connect()
    outgoing = confirming(publisher)
    exchange, inbox = lane.unique("events"), []

    def subscribe():
        connection = connect(lane.DOOMED_URL)
        channel = connection.channel()
        channel.exchange_declare(exchange, "direct", auto_delete=True)
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, exchange, "event")
        inbox[:] = []
        channel.basic_consume(queue, lambda *delivery: inbox.append(delivery[3]), auto_ack=True)
        return connection

    connection = subscribe()
    outgoing.basic_publish(exchange, "event", b"before", mandatory=True)
    pump("the event before", [connection], lambda: inbox == [b"before"])
    lane.close_doomed_connections()
    try:
        pump("the end of the connection", [connection], lambda: False)
    except ConnectionClosedByBroker as error:
        lane.expect(error.reply_code, 320, "reply code")
    connection = subscribe()
    outgoing.basic_publish(exchange, "event", b"after", mandatory=True)
    pump("the event after", [connection], lambda: inbox == [b"after"])
    connection.close()
    publisher.close()


def policy():
    connection = connect()
    channel = confirming(connection)
    queue, refused = lane.unique("limited"), []
    with lane.LengthLimit(queue):
        channel.queue_declare(queue)
        for n in range(4):
            try:
                channel.basic_publish("", queue, str(n).encode())
            except NackError:
                refused.append(n)
    lane.expect(refused, [2, 3], "publishes that were refused")
    lane.expect(channel.queue_delete(queue).method.message_count, 2, "messages kept")
    connection.close()


def send_and_receive_by_tls(with_certificate, **options):
    parameters = pika.ConnectionParameters(
        "localhost",
        int(lane.TLS_PORT),
        ssl_options=pika.SSLOptions(lane.tls_context(with_certificate), "localhost"),
        **options,
    )
    connection = pika.BlockingConnection(parameters)
    channel = confirming(connection)
    queue = channel.queue_declare("", exclusive=True).method.queue
    inbox, body = collect(channel, queue), lane.tls_body()
    channel.basic_publish("", queue, body, mandatory=True)
    pump("the body", [connection], lambda: inbox)
    lane.expect(lane.digest(inbox[0]), lane.digest(body), "its digest")
    connection.close()


def tls():
    send_and_receive_by_tls(False)


def external():
    send_and_receive_by_tls(True, credentials=pika.credentials.ExternalCredentials())


lane.run_scenarios(sys.modules[__name__])
