// Connections by TLS from the files that the lane is told of: the authority that is trusted, and the
// certificate and key (PEM, of an elliptic curve) of a client that logs in by them.
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultSaslConfig;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

final class Tls {
  private static final char[] PASSWORD = "in memory only".toCharArray();

  private Tls() { }

  static boolean isAsked() {
    return System.getenv("LANE_TLS_PORT") != null;
  }

  static Connection connect(boolean byCertificate) throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setHost("localhost");
    factory.setPort(Integer.parseInt(System.getenv("LANE_TLS_PORT")));
    factory.useSslProtocol(context(byCertificate));
    factory.enableHostnameVerification();
    if (byCertificate) factory.setSaslConfig(DefaultSaslConfig.EXTERNAL);
    return factory.newConnection();
  }

  private static SSLContext context(boolean byCertificate) throws Exception {
    KeyStore trusted = empty();
    trusted.setCertificateEntry("authority", certificate("LANE_TLS_CA"));
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    KeyStore own = empty();
    if (byCertificate) {
      Certificate[] chain = {certificate("LANE_TLS_CERT")};
      own.setKeyEntry("client", key(), PASSWORD, chain);
    }
    KeyManagerFactory keys =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(own, PASSWORD);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  private static KeyStore empty() throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    return store;
  }

  private static Certificate certificate(String variable) throws Exception {
    try (InputStream file = Files.newInputStream(Path.of(System.getenv(variable)))) {
      return CertificateFactory.getInstance("X.509").generateCertificate(file);
    }
  }

  private static PrivateKey key() throws Exception {
    String pem = Files.readString(Path.of(System.getenv("LANE_TLS_KEY")));
    byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
    return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
  }
}
