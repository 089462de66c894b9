"""The scenarios with aio-pika on asyncio; `connect_robust` recovers connections and topology."""

import asyncio
import sys
from contextlib import asynccontextmanager

import aio_pika
from aio_pika import DeliveryMode, Message
from aio_pika.exceptions import DeliveryError

import lane


@asynccontextmanager
async def channel_of_its_own(prefetch_count=0):
    connection = await aio_pika.connect(lane.AMQP_URL)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.set_qos(prefetch_count=prefetch_count)
        yield channel


async def soon(what, waiting):
    try:
        return await asyncio.wait_for(waiting, lane.WAIT_SECONDS)
    except asyncio.TimeoutError:
        raise AssertionError(f"waited {lane.WAIT_SECONDS} s in vain for {what}") from None


async def take(what, inbox, count):
    return [await soon(what, inbox.get()) for _ in range(count)]


async def collect(queue):
    """Everything that comes from a queue, acknowledged."""
    inbox = asyncio.Queue()

    async def keep(message):
        await message.ack()
        inbox.put_nowait(message)

    await queue.consume(keep)
    return inbox


def send(channel, queue, body, mandatory=True, **properties):
    return channel.default_exchange.publish(Message(body, **properties), queue, mandatory=mandatory)


async def call_squares(reply_queue_of):
    reply_names = set()
    async with channel_of_its_own(5) as serving, channel_of_its_own() as asking:
        squares = await serving.declare_queue(lane.unique("squares"), auto_delete=True)

        async def answer(request):
            reply_names.add(request.reply_to)
            reply = str(int(request.body) ** 2).encode()
            # RabbitMQ before 4.2 returns every mandatory reply to a direct reply-to.
            properties = {"mandatory": False, "correlation_id": request.correlation_id}
            await send(serving, request.reply_to, reply, **properties)
            await request.ack()

        await squares.consume(answer)
        reply_queue, replies = await reply_queue_of(asking), asyncio.Queue()
        await reply_queue.consume(replies.put, no_ack=True)
        for n in range(20):
            properties = {"reply_to": reply_queue.name, "correlation_id": str(n)}
            await send(asking, squares.name, str(n).encode(), **properties)
        found = await take("a reply", replies, 20)
        results = {reply.correlation_id: int(reply.body) for reply in found}
        lane.expect(results, {str(n): n * n for n in range(20)}, "replies")
    return reply_names


async def rpc_reply_queue():
    await call_squares(lambda channel: channel.declare_queue(exclusive=True))


async def rpc_direct_reply_to():
    names = await call_squares(lambda channel: channel.get_queue(lane.DIRECT_REPLY_TO, ensure=False))
    lane.expect(len(names), 1, "reply names that the server saw")
    lane.expect(names.pop().startswith(lane.DIRECT_REPLY_TO + "."), True, "a generated name")


async def work_queue_prefetch():
    async with channel_of_its_own() as channel, channel_of_its_own(3) as a, channel_of_its_own(3) as b:
        jobs = await channel.declare_queue(lane.unique("jobs"), durable=True)
        held = [asyncio.Queue(), asyncio.Queue()]
        for own, inbox in zip((a, b), held):
            await (await own.get_queue(jobs.name)).consume(inbox.put)
        for n in range(30):
            await send(channel, jobs.name, str(n).encode(), delivery_mode=DeliveryMode.PERSISTENT)
        first = [await take("3 jobs each", inbox, 3) for inbox in held]
        left = await channel.declare_queue(jobs.name, durable=True, passive=True)
        lane.expect(left.declaration_result.message_count, 24, "jobs that nobody holds")
        lane.expect([inbox.qsize() for inbox in held], [0, 0], "jobs beyond the prefetch")
        done = asyncio.Queue()

        async def finish(message):
            done.put_nowait(int(message.body))
            await message.ack()

        async def work(inbox):
            while True:
                await finish(await inbox.get())

        for message in [*first[0], *first[1]]:
            await finish(message)
        workers = [asyncio.create_task(work(inbox)) for inbox in held]
        lane.expect(sorted(await take("a job", done, 30)), list(range(30)), "jobs done")
        for worker in workers:
            worker.cancel()
        await jobs.delete(if_unused=False, if_empty=False)


async def work_queue_requeue():
    async with channel_of_its_own() as channel:
        queue, seen = await channel.declare_queue(lane.unique("jobs")), asyncio.Queue()

        async def judge(message):
            if message.body == b"bad":
                await message.nack(requeue=False)
            elif message.redelivered:
                await message.ack()
            else:
                await message.reject(requeue=True)
            seen.put_nowait((message.body, message.redelivered))

        tag = await queue.consume(judge)
        for body in (b"good", b"bad"):
            await send(channel, queue.name, body)
        expected = [(b"bad", False), (b"good", False), (b"good", True)]
        lane.expect(sorted(await take("3 deliveries", seen, 3)), expected, "seen")
        await queue.cancel(tag)
        lane.expect((await queue.delete(if_empty=False)).message_count, 0, "jobs left")


async def fanout():
    async with channel_of_its_own() as channel:
        exchange = await channel.declare_exchange(lane.unique("news"), "fanout", auto_delete=True)
        inboxes = []
        for _ in range(2):
            queue = await channel.declare_queue(exclusive=True)
            await queue.bind(exchange)
            inboxes.append(await collect(queue))
        for body in (b"one", b"two"):
            await exchange.publish(Message(body), "any")
        for inbox in inboxes:
            news = await take("the news", inbox, 2)
            lane.expect([each.body for each in news], [b"one", b"two"], "the news")


async def topic():
    async with channel_of_its_own() as channel:
        exchange = await channel.declare_exchange(lane.unique("orders"), "topic", auto_delete=True)
        queue = await channel.declare_queue(exclusive=True)
        for pattern in ("orders.*.eu", "audit.#"):
            await queue.bind(exchange, pattern)
        inbox, returned = await collect(queue), []
        for key in ("orders.new.us", "orders.new.eu", "audit", "audit.a.b", "orders.eu"):
            try:
                await exchange.publish(Message(key.encode()), key)
            except DeliveryError:
                returned.append(key)
        routed = [each.routing_key for each in await take("3 messages", inbox, 3)]
        lane.expect(routed, ["orders.new.eu", "audit", "audit.a.b"], "routed")
        lane.expect(returned, ["orders.new.us", "orders.eu"], "returned")


async def confirms_and_returns():
    async with channel_of_its_own() as channel:
        queue = await channel.declare_queue(lane.unique("confirmed"), durable=True)
        publishes = [
            send(channel, queue.name, str(n).encode(), delivery_mode=DeliveryMode(1 + n % 2))
            for n in range(100)
        ]
        await soon("100 confirms", asyncio.gather(*publishes))
        again = await channel.declare_queue(queue.name, durable=True, passive=True)
        lane.expect(again.declaration_result.message_count, 100, "messages that were confirmed")
        try:
            await send(channel, lane.unique("missing"), b"lost")
            raise AssertionError("an unroutable message was not returned")
        except DeliveryError as error:
            lane.expect(error.message.delivery.reply_code, 312, "reply code")
            lane.expect(error.message.delivery.reply_text, "NO_ROUTE", "reply text")
            lane.expect(error.message.body, b"lost", "returned body")
        await queue.delete(if_empty=False)


async def dead_letter_retry():
    async with channel_of_its_own() as channel:
        work, retry, finished = lane.unique("work"), lane.unique("retry"), asyncio.Queue()
        to_retry, to_work = lane.retry_arguments(work, retry)
        working = await channel.declare_queue(work, durable=True, arguments=to_retry)
        waiting = await channel.declare_queue(retry, durable=True, arguments=to_work)

        async def attempt(message):
            if lane.death_count(message.headers, work, "rejected") < lane.RETRIES:
                await message.reject(requeue=False)
            else:
                await message.ack()
                finished.put_nowait(message.headers)

        await working.consume(attempt)
        await send(channel, work, b"stubborn", delivery_mode=DeliveryMode.PERSISTENT)
        lane.expect_deaths(await soon("the last attempt", finished.get()), work, retry)
        for queue in (working, waiting):
            await queue.delete(if_unused=False, if_empty=False)


async def large_body():
    async with channel_of_its_own() as channel:
        queue = await channel.declare_queue(exclusive=True)
        inbox, body = await collect(queue), lane.large_body()
        headers = {"text": "ü", "count": 42}
        await send(channel, queue.name, body, headers=headers, message_id="large")
        message = await soon("the large body", inbox.get())
        lane.expect(lane.digest(message.body), lane.digest(body), "its digest")
        lane.expect((message.headers, message.message_id), (headers, "large"), "its properties")


async def reconnect():
    connection = await aio_pika.connect_robust(lane.DOOMED_URL, reconnect_interval=0.1)
    inbox, lost = asyncio.Queue(), asyncio.Event()
    connection.close_callbacks.add(lambda *_closed: lost.set())
    async with connection, channel_of_its_own() as outgoing:
        channel = await connection.channel()
        events = await outgoing.declare_exchange(lane.unique("events"), "direct")
        own = await channel.declare_exchange(lane.unique("own"), "fanout", auto_delete=True)
        await own.bind(await channel.get_exchange(events.name), "event")
        queue = await channel.declare_queue(lane.unique("subscriber"), exclusive=True)
        await queue.bind(own)
        await queue.consume(inbox.put, no_ack=True)
        await events.publish(Message(b"before"), "event")
        lane.expect((await soon("before", inbox.get())).body, b"before", "the event before")
        await asyncio.to_thread(lane.close_doomed_connections)
        await soon("the end of the connection", lost.wait())
        await soon("the event after", publish_until_received(events, inbox))
        await events.delete()


async def publish_until_received(exchange, inbox):
    """The client puts its exchange, queue, bindings and consumer back while this publishes."""
    while inbox.empty():
        await exchange.publish(Message(b"after"), "event", mandatory=False)
        await asyncio.sleep(0.05)
    lane.expect((await inbox.get()).body, b"after", "the event after")


async def policy():
    async with channel_of_its_own() as channel:
        name, refused = lane.unique("limited"), []
        with lane.LengthLimit(name):
            queue = await channel.declare_queue(name)
            for n in range(4):
                try:
                    await send(channel, name, str(n).encode())
                except DeliveryError:
                    refused.append(n)
        lane.expect(refused, [2, 3], "publishes that were refused")
        deleted = await queue.delete(if_empty=False)
        lane.expect(deleted.message_count, 2, "messages kept")


async def send_and_receive_by_tls(url, with_certificate):
    context = lane.tls_context(with_certificate)
    connection = await aio_pika.connect(url, ssl_context=context)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        queue = await channel.declare_queue(exclusive=True)
        inbox, body = await collect(queue), lane.tls_body()
        await send(channel, queue.name, body)
        message = await soon("the body", inbox.get())
        lane.expect(lane.digest(message.body), lane.digest(body), "its digest")


async def tls():
    await send_and_receive_by_tls(f"amqps://guest:guest@localhost:{lane.TLS_PORT}/", False)


async def external():
    url = f"amqps://localhost:{lane.TLS_PORT}/?auth=EXTERNAL"
    await send_and_receive_by_tls(url, True)


lane.run_scenarios(sys.modules[__name__])
