// The scenarios with TLS, which are shown instead of the others when the lane is told of a port and
// of files: the authority that is trusted, and a certificate to log in by.
package main

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"os"

	amqp "github.com/rabbitmq/amqp091-go"
)

var tlsScenarios = []scenario{
	{"tls", func() {
		url := "amqps://guest:guest@localhost:" + os.Getenv("LANE_TLS_PORT")
		sendAndReceive(must(amqp.DialTLS(url, tlsConfig(false))))
	}},
	{"external", func() {
		url := "amqps://localhost:" + os.Getenv("LANE_TLS_PORT")
		sendAndReceive(must(amqp.DialTLS_ExternalAuth(url, tlsConfig(true))))
	}},
}

func tlsConfig(withCertificate bool) *tls.Config {
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(must(os.ReadFile(os.Getenv("LANE_TLS_CA"))))
	config := &tls.Config{RootCAs: authorities}
	if withCertificate {
		own := must(tls.LoadX509KeyPair(os.Getenv("LANE_TLS_CERT"), os.Getenv("LANE_TLS_KEY")))
		config.Certificates = []tls.Certificate{own}
	}
	return config
}

func sendAndReceive(connection *amqp.Connection) {
	defer connection.Close()
	channel := must(connection.Channel())
	check(channel.Confirm(false))
	queue := exclusiveQueue(channel)
	inbox := consume(channel, queue, true)
	body := make([]byte, 1<<20)
	must(rand.Read(body))
	expect("an ack", send(channel, "", queue, amqp.Publishing{Body: body}), true)
	expect("its digest", digest(next("the body", inbox).Body), digest(body))
}
