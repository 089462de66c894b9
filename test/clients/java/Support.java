// What the scenarios of the Java lane share: where the broker is, connections, waiting, expectations,
// and the HTTP API.
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Delivery;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

abstract class Support {
  static final int WAIT_MILLIS = 20_000;
  static final int RETRIES = 3;
  static final int RETRY_MILLIS = 50;
  static final int LARGE_BODY_BYTES = 8 << 20;
  static final String DIRECT_REPLY_TO = "amq.rabbitmq.reply-to";

  // By itself it would ask for HTTP/2, which the HTTP API of RabbitMQ 3.10 answers by closing.
  static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  static String amqpUrl;
  static String managementUrl;
  static String doomedUrl;

  static Connection connect(String url) throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(url);
    factory.setNetworkRecoveryInterval(100);
    return factory.newConnection();
  }

  static Channel confirming(Connection connection) throws Exception {
    Channel channel = connection.createChannel();
    channel.confirmSelect();
    return channel;
  }

  static String durableQueue(Channel channel, String what, Map<String, Object> arguments)
      throws Exception {
    return channel.queueDeclare(unique(what), true, false, false, arguments).getQueue();
  }

  static BlockingQueue<Delivery> collect(Channel channel, String queue, boolean autoAck)
      throws Exception {
    BlockingQueue<Delivery> inbox = new LinkedBlockingQueue<>();
    channel.basicConsume(queue, autoAck, (tag, message) -> inbox.add(message), tag -> { });
    return inbox;
  }

  static <Value> Value next(String what, BlockingQueue<Value> inbox) throws Exception {
    Value value = inbox.poll(WAIT_MILLIS, TimeUnit.MILLISECONDS);
    if (value == null) throw new AssertionError("waited in vain for " + what);
    return value;
  }

  static void expect(String what, Object actual, Object expected) {
    if (Objects.equals(actual, expected)) return;
    throw new AssertionError(what + ": expected " + expected + ", got " + actual);
  }

  static String unique(String what) {
    return "lane." + what + "." + UUID.randomUUID().toString().substring(0, 13);
  }

  static byte[] bytes(int number) {
    return String.valueOf(number).getBytes();
  }

  static int number(Delivery message) {
    return Integer.parseInt(text(message));
  }

  static String text(Delivery message) {
    return new String(message.getBody());
  }

  static String digest(byte[] body) throws Exception {
    return Arrays.toString(MessageDigest.getInstance("SHA-256").digest(body));
  }

  /** Closes the connections of the user in DOOMED_URL, as an operator does. */
  static void closeDoomedConnections() throws Exception {
    String user = URI.create(doomedUrl).getUserInfo().split(":")[0];
    call("DELETE", "connections/username/" + user, "");
  }

  /** A policy that lets the queue keep two messages and refuses further ones. */
  static void limitLength(String queue) throws Exception {
    String pattern = "^" + queue.replace(".", "[.]") + "$";
    call("PUT", "policies/%2F/" + queue, "{\"pattern\":\"" + pattern + "\",\"apply-to\":\"queues\","
        + "\"definition\":{\"max-length\":2,\"overflow\":\"reject-publish\"}}");
  }

  static void call(String method, String path, String body) throws Exception {
    String login = Base64.getEncoder().encodeToString("guest:guest".getBytes());
    HttpRequest request = HttpRequest.newBuilder(URI.create(managementUrl + "/api/" + path))
        .header("Authorization", "Basic " + login)
        .header("Content-Type", "application/json")
        .method(method, HttpRequest.BodyPublishers.ofString(body))
        .build();
    HttpResponse<String> answer =
        HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() < 300) return;
    throw new AssertionError(method + " " + path + " was answered " + answer.statusCode());
  }
}
