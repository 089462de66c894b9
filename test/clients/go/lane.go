// What the Go lane's scenarios share: the arguments, names, the HTTP API, waiting, and the lines
// that are printed: `ok NAME` or `not ok NAME REASON` for each scenario. A check that fails panics,
// which ends its scenario alone.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	wait           = 20 * time.Second
	retries        = 3
	retryMillis    = 50
	largeBodyBytes = 8 << 20
	directReplyTo  = "amq.rabbitmq.reply-to"
)

type scenario struct {
	name string
	run  func()
}

var amqpURL, managementURL, doomedURL string

func main() {
	amqpURL, managementURL, doomedURL = os.Args[1], os.Args[2], os.Args[3]
	shown := scenarios
	if os.Getenv("LANE_TLS_PORT") != "" {
		shown = tlsScenarios
	}
	for _, each := range shown {
		if reason := failureOf(each.run); reason != "" {
			fmt.Printf("not ok %s %s\n", each.name, strings.Join(strings.Fields(reason), " "))
		} else {
			fmt.Printf("ok %s\n", each.name)
		}
	}
}

func failureOf(run func()) (reason string) {
	defer func() {
		if problem := recover(); problem != nil {
			reason = fmt.Sprint(problem)
		}
	}()
	run()
	return ""
}

// must takes what a call returned, and ends the scenario if that is an error.
func must[Value any](value Value, err error) Value {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(what string, actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("%s: expected %v, got %v", what, expected, actual))
	}
}

// next is what a Go channel gives, in time.
func next[Value any](what string, from <-chan Value) Value {
	select {
	case value, open := <-from:
		if !open {
			panic("the channel closed before " + what)
		}
		return value
	case <-time.After(wait):
		panic("waited in vain for " + what)
	}
}

func unique(what string) string {
	random := make([]byte, 6)
	must(rand.Read(random))
	return "lane." + what + "." + hex.EncodeToString(random)
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// connect gives a connection and a confirming channel with a prefetch; 0 is without limit.
func connect(prefetch int) (*amqp.Connection, *amqp.Channel) {
	connection := must(amqp.Dial(amqpURL))
	channel := must(connection.Channel())
	check(channel.Qos(prefetch, 0, false))
	check(channel.Confirm(false))
	return connection, channel
}

// send publishes as mandatory and waits for the confirm. Returns whether it was an ack.
func send(channel *amqp.Channel, exchange, key string, message amqp.Publishing) bool {
	confirm := must(channel.PublishWithDeferredConfirm(exchange, key, true, false, message))
	return isAcked(confirm)
}

func isAcked(confirm *amqp.DeferredConfirmation) bool {
	limit, stop := context.WithTimeout(context.Background(), wait)
	defer stop()
	return must(confirm.WaitContext(limit))
}

func text(body string) amqp.Publishing {
	return amqp.Publishing{Body: []byte(body)}
}

func exclusiveQueue(channel *amqp.Channel) string {
	return must(channel.QueueDeclare("", false, false, true, false, nil)).Name
}

func durableQueue(channel *amqp.Channel, name string, arguments amqp.Table) {
	must(channel.QueueDeclare(name, true, false, false, false, arguments))
}

func consume(channel *amqp.Channel, queue string, autoAck bool) <-chan amqp.Delivery {
	return must(channel.Consume(queue, "", autoAck, false, false, false, nil))
}

func messageCount(channel *amqp.Channel, queue string) int {
	return must(channel.QueueDeclarePassive(queue, true, false, false, false, nil)).Messages
}

func deathCount(headers amqp.Table, queue, reason string) int64 {
	deaths, _ := headers["x-death"].([]interface{})
	for _, each := range deaths {
		death := each.(amqp.Table)
		if death["queue"] == queue && death["reason"] == reason {
			return death["count"].(int64)
		}
	}
	return 0
}

func call(method, path string, body any) {
	request := must(http.NewRequest(method, managementURL+"/api/"+path, bytes.NewReader(must(json.Marshal(body)))))
	request.SetBasicAuth("guest", "guest")
	request.Header.Set("Content-Type", "application/json")
	answer := must(http.DefaultClient.Do(request))
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		panic(fmt.Sprintf("%s %s was answered %s", method, path, answer.Status))
	}
}

// closeDoomedConnections closes the connections of the user in doomedURL, as an operator does.
func closeDoomedConnections() {
	user := must(url.Parse(doomedURL)).User.Username()
	call("DELETE", "connections/username/"+user, nil)
}

// limitLength sets a policy that lets the queue keep two messages and refuses further ones.
func limitLength(queue string) (remove func()) {
	path := "policies/%2F/" + queue
	call("PUT", path, map[string]any{
		"pattern":    "^" + strings.ReplaceAll(queue, ".", "\\.") + "$",
		"definition": map[string]any{"max-length": 2, "overflow": "reject-publish"},
		"apply-to":   "queues",
	})
	return func() { call("DELETE", path, nil) }
}
