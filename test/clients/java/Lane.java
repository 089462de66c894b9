// The scenarios with RabbitMQ's Java client, whose connections recover with their topology unless
// they are told not to. The program is given AMQP_URL MANAGEMENT_URL DOOMED_URL (a user whose
// connections it closes through the HTTP API) and prints `ok NAME` or `not ok NAME REASON` for each
// scenario. With LANE_TLS_PORT it shows the scenarios with TLS instead (Tls.java).
import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoveryListener;
import com.rabbitmq.client.Return;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

public final class Lane extends Support {
  private interface Scenario {
    void run() throws Exception;
  }

  private interface ReplyQueue {
    String on(Channel channel) throws Exception;
  }

  public static void main(String[] args) {
    amqpUrl = args[0];
    managementUrl = args[1];
    doomedUrl = args[2];
    Map<String, Scenario> scenarios = new LinkedHashMap<>();
    scenarios.put("rpc-reply-queue", Lane::rpcReplyQueue);
    scenarios.put("rpc-direct-reply-to", Lane::rpcDirectReplyTo);
    scenarios.put("work-queue-prefetch", Lane::workQueuePrefetch);
    scenarios.put("work-queue-requeue", Lane::workQueueRequeue);
    scenarios.put("fanout", Lane::fanout);
    scenarios.put("topic", Lane::topic);
    scenarios.put("confirms-and-returns", Lane::confirmsAndReturns);
    scenarios.put("dead-letter-retry", Lane::deadLetterRetry);
    scenarios.put("large-body", Lane::largeBody);
    scenarios.put("reconnect", Lane::reconnect);
    scenarios.put("policy", Lane::policy);
    Map<String, Scenario> byTls = new LinkedHashMap<>();
    byTls.put("tls", () -> sendAndReceive(Tls.connect(false)));
    byTls.put("external", () -> sendAndReceive(Tls.connect(true)));
    (Tls.isAsked() ? byTls : scenarios).forEach(Lane::report);
    // Whatever a failed scenario left open must not keep the program.
    System.exit(0);
  }

  private static void report(String name, Scenario scenario) {
    try {
      scenario.run();
      System.out.println("ok " + name);
    } catch (Exception | AssertionError error) {
      error.printStackTrace();
      System.out.println("not ok " + name + " " + String.valueOf(error).replaceAll("\\s+", " "));
    }
  }

  private static void sendAndReceive(Connection secure) throws Exception {
    try (Connection connection = secure) {
      Channel channel = confirming(connection);
      String queue = channel.queueDeclare().getQueue();
      BlockingQueue<Delivery> inbox = collect(channel, queue, true);
      byte[] body = new byte[1 << 20];
      new Random().nextBytes(body);
      channel.basicPublish("", queue, true, null, body);
      channel.waitForConfirmsOrDie(WAIT_MILLIS);
      expect("its digest", digest(next("the body", inbox).getBody()), digest(body));
    }
  }

  private static void rpcReplyQueue() throws Exception {
    callSquares(channel -> channel.queueDeclare().getQueue());
  }

  private static void rpcDirectReplyTo() throws Exception {
    Set<String> seen = callSquares(channel -> DIRECT_REPLY_TO);
    expect("reply names that the server saw", seen.size(), 1);
    String name = seen.iterator().next();
    expect("a generated name", name.startsWith(DIRECT_REPLY_TO + "."), true);
  }

  /** Has a server square 20 numbers. Returns the reply-to names that the server saw. */
  private static Set<String> callSquares(ReplyQueue replyQueue) throws Exception {
    try (Connection serving = connect(amqpUrl); Connection asking = connect(amqpUrl)) {
      Channel server = serving.createChannel();
      Channel client = asking.createChannel();
      String squares = server.queueDeclare(unique("squares"), false, false, true, null).getQueue();
      BlockingQueue<String> names = new LinkedBlockingQueue<>();
      server.basicQos(5);
      server.basicConsume(squares, false, (tag, request) -> {
        BasicProperties asked = request.getProperties();
        names.add(asked.getReplyTo());
        int n = number(request);
        BasicProperties answer =
            new BasicProperties.Builder().correlationId(asked.getCorrelationId()).build();
        server.basicPublish("", asked.getReplyTo(), answer, bytes(n * n));
        server.basicAck(request.getEnvelope().getDeliveryTag(), false);
      }, tag -> { });
      String replyTo = replyQueue.on(client);
      BlockingQueue<Delivery> replies = collect(client, replyTo, true);
      Map<String, String> results = new TreeMap<>();
      Map<String, String> expected = new TreeMap<>();
      for (int n = 0; n < 20; n++) {
        expected.put(String.valueOf(n), String.valueOf(n * n));
        BasicProperties question = new BasicProperties.Builder()
            .replyTo(replyTo).correlationId(String.valueOf(n)).build();
        client.basicPublish("", squares, question, bytes(n));
      }
      Set<String> seen = new TreeSet<>();
      for (int n = 0; n < 20; n++) {
        Delivery reply = next("a reply", replies);
        results.put(reply.getProperties().getCorrelationId(), text(reply));
        seen.add(next("a request", names));
      }
      expect("replies", results, expected);
      return seen;
    }
  }

  private static void workQueuePrefetch() throws Exception {
    try (Connection publishing = connect(amqpUrl);
        Connection one = connect(amqpUrl);
        Connection other = connect(amqpUrl)) {
      Channel publisher = confirming(publishing);
      String jobs = durableQueue(publisher, "jobs", null);
      List<Channel> workers = List.of(one.createChannel(), other.createChannel());
      List<BlockingQueue<Delivery>> inboxes = new ArrayList<>();
      for (Channel worker : workers) {
        worker.basicQos(3);
        inboxes.add(collect(worker, jobs, false));
      }
      for (int n = 0; n < 30; n++) {
        publisher.basicPublish("", jobs, MessageProperties.MINIMAL_PERSISTENT_BASIC, bytes(n));
      }
      publisher.waitForConfirmsOrDie(WAIT_MILLIS);
      Set<Integer> done = new TreeSet<>();
      for (int turn = 0; turn < 5; turn++) {
        List<Delivery> lasts = new ArrayList<>();
        for (BlockingQueue<Delivery> inbox : inboxes) {
          for (int n = 0; n < 2; n++) done.add(number(next("3 jobs each", inbox)));
          lasts.add(next("3 jobs each", inbox));
          done.add(number(lasts.get(lasts.size() - 1)));
        }
        expect("jobs beyond the prefetch", inboxes.get(0).size() + inboxes.get(1).size(), 0);
        expect("jobs that nobody holds", publisher.messageCount(jobs), 24L - 6 * turn);
        for (int who = 0; who < 2; who++) {
          workers.get(who).basicAck(lasts.get(who).getEnvelope().getDeliveryTag(), true);
        }
      }
      expect("jobs done", done.size(), 30);
      publisher.queueDelete(jobs);
    }
  }

  private static void workQueueRequeue() throws Exception {
    try (Connection connection = connect(amqpUrl)) {
      Channel channel = confirming(connection);
      String jobs = durableQueue(channel, "jobs", null);
      BlockingQueue<String> seen = new LinkedBlockingQueue<>();
      String consumer = channel.basicConsume(jobs, false, (tag, job) -> {
        long delivery = job.getEnvelope().getDeliveryTag();
        boolean again = job.getEnvelope().isRedeliver();
        if (text(job).equals("bad")) channel.basicNack(delivery, false, false);
        else if (again) channel.basicAck(delivery, false);
        else channel.basicReject(delivery, true);
        seen.add(text(job) + (again ? " again" : ""));
      }, tag -> { });
      for (String body : List.of("good", "bad")) {
        channel.basicPublish("", jobs, null, body.getBytes());
      }
      Set<String> all = new TreeSet<>();
      for (int n = 0; n < 3; n++) all.add(next("3 deliveries", seen));
      expect("seen", all, Set.of("bad", "good", "good again"));
      channel.basicCancel(consumer);
      expect("jobs left", channel.queueDelete(jobs).getMessageCount(), 0);
    }
  }

  private static void fanout() throws Exception {
    try (Connection connection = connect(amqpUrl)) {
      Channel channel = confirming(connection);
      String news = unique("news");
      channel.exchangeDeclare(news, "fanout", false, true, null);
      List<BlockingQueue<Delivery>> inboxes = new ArrayList<>();
      for (int n = 0; n < 2; n++) {
        String queue = channel.queueDeclare().getQueue();
        channel.queueBind(queue, news, "");
        inboxes.add(collect(channel, queue, true));
      }
      for (String body : List.of("one", "two")) {
        channel.basicPublish(news, "any", null, body.getBytes());
      }
      for (BlockingQueue<Delivery> inbox : inboxes) {
        for (String body : List.of("one", "two")) expect("news", text(next("news", inbox)), body);
      }
    }
  }

  private static void topic() throws Exception {
    try (Connection connection = connect(amqpUrl)) {
      Channel channel = confirming(connection);
      String orders = unique("orders");
      String queue = channel.queueDeclare().getQueue();
      channel.exchangeDeclare(orders, "topic", false, true, null);
      for (String pattern : List.of("orders.*.eu", "audit.#")) {
        channel.queueBind(queue, orders, pattern);
      }
      BlockingQueue<Delivery> inbox = collect(channel, queue, true);
      BlockingQueue<Return> returns = new LinkedBlockingQueue<>();
      channel.addReturnListener(returns::add);
      for (String key :
          List.of("orders.new.us", "orders.new.eu", "audit", "audit.a.b", "orders.eu")) {
        channel.basicPublish(orders, key, true, null, key.getBytes());
      }
      for (String key : List.of("orders.new.eu", "audit", "audit.a.b")) {
        expect("routed", next("a message", inbox).getEnvelope().getRoutingKey(), key);
      }
      for (String key : List.of("orders.new.us", "orders.eu")) {
        expect("returned", next("a return", returns).getRoutingKey(), key);
      }
    }
  }

  private static void confirmsAndReturns() throws Exception {
    try (Connection connection = connect(amqpUrl)) {
      Channel channel = confirming(connection);
      String queue = durableQueue(channel, "confirmed", null);
      for (int n = 0; n < 100; n++) {
        BasicProperties properties =
            new BasicProperties.Builder().deliveryMode(1 + n % 2).build();
        channel.basicPublish("", queue, true, properties, bytes(n));
      }
      expect("all confirmed", channel.waitForConfirms(WAIT_MILLIS), true);
      expect("messages that were confirmed", channel.messageCount(queue), 100L);
      BlockingQueue<Return> returns = new LinkedBlockingQueue<>();
      channel.addReturnListener(returns::add);
      channel.basicPublish("", unique("missing"), true, null, "lost".getBytes());
      expect("an ack", channel.waitForConfirms(WAIT_MILLIS), true);
      Return returned = next("the return", returns);
      expect("reply code", returned.getReplyCode(), 312);
      expect("reply text", returned.getReplyText(), "NO_ROUTE");
      expect("returned body", new String(returned.getBody()), "lost");
      channel.queueDelete(queue);
    }
  }

  private static void deadLetterRetry() throws Exception {
    try (Connection connection = connect(amqpUrl)) {
      Channel channel = confirming(connection);
      String retry = unique("retry");
      String work = durableQueue(channel, "work",
          Map.of("x-dead-letter-exchange", "", "x-dead-letter-routing-key", retry));
      channel.queueDeclare(retry, true, false, false, Map.of("x-dead-letter-exchange", "",
          "x-dead-letter-routing-key", work, "x-message-ttl", RETRY_MILLIS));
      BlockingQueue<Delivery> jobs = collect(channel, work, false);
      channel.basicPublish("", work, MessageProperties.PERSISTENT_TEXT_PLAIN, bytes(1));
      Delivery job = next("the first attempt", jobs);
      while (deathCount(job, work, "rejected") < RETRIES) {
        channel.basicReject(job.getEnvelope().getDeliveryTag(), false);
        job = next("another attempt", jobs);
      }
      channel.basicAck(job.getEnvelope().getDeliveryTag(), false);
      expect("rejected by x-death", deathCount(job, work, "rejected"), (long) RETRIES);
      expect("expired by x-death", deathCount(job, retry, "expired"), (long) RETRIES);
      String first = job.getProperties().getHeaders().get("x-first-death-queue").toString();
      expect("x-first-death-queue", first, work);
      for (String queue : List.of(work, retry)) channel.queueDelete(queue);
    }
  }

  /** As applications read it: the count is a long, and so a Long. */
  @SuppressWarnings("unchecked")
  private static long deathCount(Delivery message, String queue, String reason) {
    Map<String, Object> headers = message.getProperties().getHeaders();
    if (headers == null || !headers.containsKey("x-death")) return 0;
    for (Map<String, Object> death : (List<Map<String, Object>>) headers.get("x-death")) {
      boolean same = death.get("queue").toString().equals(queue);
      if (same && death.get("reason").toString().equals(reason)) return (Long) death.get("count");
    }
    return 0;
  }

  private static void largeBody() throws Exception {
    try (Connection connection = connect(amqpUrl)) {
      Channel channel = confirming(connection);
      String queue = channel.queueDeclare().getQueue();
      BlockingQueue<Delivery> inbox = collect(channel, queue, true);
      byte[] body = new byte[LARGE_BODY_BYTES];
      new Random().nextBytes(body);
      BasicProperties properties = new BasicProperties.Builder()
          .headers(Map.of("text", "ü", "count", 42)).messageId("large").build();
      channel.basicPublish("", queue, properties, body);
      Delivery message = next("the large body", inbox);
      expect("its digest", digest(message.getBody()), digest(body));
      Map<String, Object> headers = message.getProperties().getHeaders();
      expect("its headers", headers.get("text") + " " + headers.get("count"), "ü 42");
      expect("its message id", message.getProperties().getMessageId(), "large");
    }
  }

  private static void reconnect() throws Exception {
    try (Connection publishing = connect(amqpUrl); Connection connection = connect(doomedUrl)) {
      Channel publisher = confirming(publishing);
      String events = unique("events");
      publisher.exchangeDeclare(events, "direct");
      CountDownLatch recovered = new CountDownLatch(1);
      ((Recoverable) connection).addRecoveryListener(new RecoveryListener() {
        @Override
        public void handleRecovery(Recoverable recoverable) {
          recovered.countDown();
        }

        @Override
        public void handleRecoveryStarted(Recoverable recoverable) { }
      });
      Channel channel = connection.createChannel();
      String own = unique("own");
      String queue = channel.queueDeclare().getQueue();
      channel.exchangeDeclare(own, "fanout", false, true, null);
      channel.exchangeBind(own, events, "event");
      channel.queueBind(queue, own, "");
      BlockingQueue<Delivery> inbox = collect(channel, queue, true);
      publisher.basicPublish(events, "event", null, "before".getBytes());
      expect("the event before", text(next("the event before", inbox)), "before");
      closeDoomedConnections();
      expect("recovered", recovered.await(WAIT_MILLIS, TimeUnit.MILLISECONDS), true);
      publisher.basicPublish(events, "event", null, "after".getBytes());
      expect("the event after", text(next("the event after", inbox)), "after");
      publisher.exchangeDelete(events);
    }
  }

  private static void policy() throws Exception {
    try (Connection connection = connect(amqpUrl)) {
      Channel channel = confirming(connection);
      String queue = unique("limited");
      limitLength(queue);
      channel.queueDeclare(queue, true, false, false, null);
      List<Boolean> acked = new ArrayList<>();
      for (int n = 0; n < 4; n++) {
        channel.basicPublish("", queue, null, bytes(n));
        acked.add(channel.waitForConfirms(WAIT_MILLIS));
      }
      expect("publishes that were taken", acked, List.of(true, true, false, false));
      expect("messages kept", channel.queueDelete(queue).getMessageCount(), 2);
      call("DELETE", "policies/%2F/" + queue, "");
    }
  }
}
