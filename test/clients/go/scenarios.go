// The scenarios with amqp091-go; its connections recover, with their topology, when they are asked
// to (Config.Recovery).
package main

import (
	"crypto/rand"
	"sort"
	"strconv"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

var scenarios = []scenario{
	{"rpc-reply-queue", rpcReplyQueue},
	{"rpc-direct-reply-to", rpcDirectReplyTo},
	{"work-queue-prefetch", workQueuePrefetch},
	{"work-queue-requeue", workQueueRequeue},
	{"fanout", fanout},
	{"topic", topic},
	{"confirms-and-returns", confirmsAndReturns},
	{"dead-letter-retry", deadLetterRetry},
	{"large-body", largeBody},
	{"reconnect", reconnect},
	{"policy", policy},
}

// callSquares has a server square 20 numbers. Returns the reply-to names that the server saw.
func callSquares(replyQueueOf func(*amqp.Channel) string) map[string]bool {
	serverConnection, server := connect(5)
	defer serverConnection.Close()
	clientConnection, client := connect(0)
	defer clientConnection.Close()
	squares := exclusiveNamed(server)
	requests := consume(server, squares, false)
	names := make(chan string, 20)
	go func() {
		for request := range requests {
			n, _ := strconv.Atoi(string(request.Body))
			names <- request.ReplyTo
			reply := text(strconv.Itoa(n * n))
			reply.CorrelationId = request.CorrelationId
			_ = server.Publish("", request.ReplyTo, false, false, reply)
			_ = request.Ack(false)
		}
	}()
	replyTo := replyQueueOf(client)
	replies := consume(client, replyTo, true)
	for n := range 20 {
		request := text(strconv.Itoa(n))
		request.ReplyTo, request.CorrelationId = replyTo, strconv.Itoa(n)
		send(client, "", squares, request)
	}
	results, expected, seen := map[string]string{}, map[string]string{}, map[string]bool{}
	for n := range 20 {
		reply := next("a reply", replies)
		results[reply.CorrelationId] = string(reply.Body)
		expected[strconv.Itoa(n)] = strconv.Itoa(n * n)
		seen[next("a request", names)] = true
	}
	expect("replies", results, expected)
	return seen
}

// exclusiveNamed declares a queue that other connections may publish to.
func exclusiveNamed(channel *amqp.Channel) string {
	return must(channel.QueueDeclare(unique("squares"), false, true, true, false, nil)).Name
}

func rpcReplyQueue() {
	callSquares(exclusiveQueue)
}

func rpcDirectReplyTo() {
	seen := callSquares(func(*amqp.Channel) string { return directReplyTo })
	expect("reply names that the server saw", len(seen), 1)
	for name := range seen {
		expect("a generated name", strings.HasPrefix(name, directReplyTo+"."), true)
	}
}

func workQueuePrefetch() {
	connection, channel := connect(0)
	defer connection.Close()
	queue := unique("jobs")
	durableQueue(channel, queue, nil)
	var workers [2]<-chan amqp.Delivery
	for who := range workers {
		workerConnection, worker := connect(3)
		defer workerConnection.Close()
		workers[who] = consume(worker, queue, false)
	}
	for n := range 30 {
		job := text(strconv.Itoa(n))
		job.DeliveryMode = amqp.Persistent
		send(channel, "", queue, job)
	}
	var held []amqp.Delivery
	for _, worker := range workers {
		for range 3 {
			held = append(held, next("3 jobs each", worker))
		}
	}
	expect("jobs that nobody holds", messageCount(channel, queue), 24)
	expect("jobs beyond the prefetch", len(workers[0])+len(workers[1]), 0)
	done := make(chan int, 30)
	finish := func(job amqp.Delivery) {
		n, _ := strconv.Atoi(string(job.Body))
		_ = job.Ack(false)
		done <- n
	}
	for _, job := range held {
		finish(job)
	}
	for _, worker := range workers {
		go func() {
			for job := range worker {
				finish(job)
			}
		}()
	}
	var numbers, all []int
	for n := range 30 {
		numbers, all = append(numbers, next("a job", done)), append(all, n)
	}
	sort.Ints(numbers)
	expect("jobs done", numbers, all)
	must(channel.QueueDelete(queue, false, false, false))
}

func workQueueRequeue() {
	connection, channel := connect(0)
	defer connection.Close()
	queue := unique("jobs")
	durableQueue(channel, queue, nil)
	jobs := must(channel.Consume(queue, "judge", false, false, false, false, nil))
	send(channel, "", queue, text("good"))
	send(channel, "", queue, text("bad"))
	var seen []string
	for range 3 {
		job := next("3 deliveries", jobs)
		body := string(job.Body)
		switch {
		case body == "bad":
			check(job.Nack(false, false))
		case job.Redelivered:
			body += " again"
			check(job.Ack(false))
		default:
			check(job.Reject(true))
		}
		seen = append(seen, body)
	}
	sort.Strings(seen)
	expect("seen", seen, []string{"bad", "good", "good again"})
	check(channel.Cancel("judge", false))
	expect("jobs left", must(channel.QueueDelete(queue, false, false, false)), 0)
}

func fanout() {
	connection, channel := connect(0)
	defer connection.Close()
	exchange := unique("news")
	check(channel.ExchangeDeclare(exchange, "fanout", false, true, false, false, nil))
	var inboxes [2]<-chan amqp.Delivery
	for who := range inboxes {
		queue := exclusiveQueue(channel)
		check(channel.QueueBind(queue, "", exchange, false, nil))
		inboxes[who] = consume(channel, queue, true)
	}
	for _, body := range []string{"one", "two"} {
		send(channel, exchange, "any", text(body))
	}
	for _, inbox := range inboxes {
		expect("the first", string(next("news", inbox).Body), "one")
		expect("the second", string(next("news", inbox).Body), "two")
	}
}

func topic() {
	connection, channel := connect(0)
	defer connection.Close()
	returns := channel.NotifyReturn(make(chan amqp.Return, 5))
	exchange, queue := unique("orders"), exclusiveQueue(channel)
	check(channel.ExchangeDeclare(exchange, "topic", false, true, false, false, nil))
	for _, pattern := range []string{"orders.*.eu", "audit.#"} {
		check(channel.QueueBind(queue, pattern, exchange, false, nil))
	}
	inbox := consume(channel, queue, true)
	for _, key := range []string{"orders.new.us", "orders.new.eu", "audit", "audit.a.b", "orders.eu"} {
		send(channel, exchange, key, text(key))
	}
	for _, key := range []string{"orders.new.eu", "audit", "audit.a.b"} {
		expect("routed", next("a message", inbox).RoutingKey, key)
	}
	for _, key := range []string{"orders.new.us", "orders.eu"} {
		expect("returned", next("a return", returns).RoutingKey, key)
	}
}

func confirmsAndReturns() {
	connection, channel := connect(0)
	defer connection.Close()
	queue := unique("confirmed")
	durableQueue(channel, queue, nil)
	var confirms []*amqp.DeferredConfirmation
	for n := range 100 {
		message := text(strconv.Itoa(n))
		message.DeliveryMode = uint8(1 + n%2)
		confirms = append(confirms, must(channel.PublishWithDeferredConfirm("", queue, true, false, message)))
	}
	for _, confirm := range confirms {
		expect("an ack", isAcked(confirm), true)
	}
	expect("messages that were confirmed", messageCount(channel, queue), 100)
	returns := channel.NotifyReturn(make(chan amqp.Return, 1))
	expect("an ack", send(channel, "", unique("missing"), text("lost")), true)
	returned := next("the return", returns)
	expect("reply code", returned.ReplyCode, uint16(312))
	expect("reply text", returned.ReplyText, "NO_ROUTE")
	expect("returned body", string(returned.Body), "lost")
	must(channel.QueueDelete(queue, false, false, false))
}

func deadLetterRetry() {
	connection, channel := connect(0)
	defer connection.Close()
	work, retry := unique("work"), unique("retry")
	durableQueue(channel, work, amqp.Table{
		"x-dead-letter-exchange": "", "x-dead-letter-routing-key": retry,
	})
	durableQueue(channel, retry, amqp.Table{
		"x-dead-letter-exchange": "", "x-dead-letter-routing-key": work,
		"x-message-ttl": int32(retryMillis),
	})
	jobs := consume(channel, work, false)
	message := text("stubborn")
	message.DeliveryMode = amqp.Persistent
	send(channel, "", work, message)
	job := next("the first attempt", jobs)
	for deathCount(job.Headers, work, "rejected") < retries {
		check(job.Reject(false))
		job = next("another attempt", jobs)
	}
	check(job.Ack(false))
	expect("rejected by x-death", deathCount(job.Headers, work, "rejected"), int64(retries))
	expect("expired by x-death", deathCount(job.Headers, retry, "expired"), int64(retries))
	expect("x-first-death-queue", job.Headers["x-first-death-queue"], work)
	for _, queue := range []string{work, retry} {
		must(channel.QueueDelete(queue, false, false, false))
	}
}

func largeBody() {
	connection, channel := connect(0)
	defer connection.Close()
	queue := exclusiveQueue(channel)
	inbox := consume(channel, queue, true)
	body := make([]byte, largeBodyBytes)
	must(rand.Read(body))
	headers := amqp.Table{"text": "ü", "count": int32(42)}
	send(channel, "", queue, amqp.Publishing{Body: body, Headers: headers, MessageId: "large"})
	message := next("the large body", inbox)
	expect("its digest", digest(message.Body), digest(body))
	expect("its headers", message.Headers, headers)
	expect("its message id", message.MessageId, "large")
}

func reconnect() {
	publishing, publisher := connect(0)
	defer publishing.Close()
	events, own := unique("events"), unique("own")
	check(publisher.ExchangeDeclare(events, "direct", false, false, false, false, nil))
	recovery := &amqp.Recovery{ReconnectionConfig: &amqp.ReconnectionConfig{
		MaxRetryCount: 50, RetryInterval: 100 * time.Millisecond,
	}}
	connection := must(amqp.DialConfig(doomedURL, amqp.Config{Recovery: recovery}))
	defer connection.Close()
	states := make(chan *amqp.StateChanged, 50)
	connection.NotifyStateChange(states)
	channel := must(connection.Channel())
	queue := exclusiveQueue(channel)
	check(channel.ExchangeDeclare(own, "fanout", false, true, false, false, nil))
	check(channel.ExchangeBind(own, "event", events, false, nil))
	check(channel.QueueBind(queue, "", own, false, nil))
	inbox := consume(channel, queue, true)
	send(publisher, events, "event", text("before"))
	expect("the event before", string(next("the event before", inbox).Body), "before")
	closeDoomedConnections()
	for next("the connection to come back", states).To != amqp.StateOpen {
		continue
	}
	send(publisher, events, "event", text("after"))
	expect("the event after", string(next("the event after", inbox).Body), "after")
	check(publisher.ExchangeDelete(events, false, false))
}

func policy() {
	connection, channel := connect(0)
	defer connection.Close()
	queue := unique("limited")
	defer limitLength(queue)()
	durableQueue(channel, queue, nil)
	var acked []bool
	for n := range 4 {
		acked = append(acked, send(channel, "", queue, text(strconv.Itoa(n))))
	}
	expect("publishes that were taken", acked, []bool{true, true, false, false})
	expect("messages kept", must(channel.QueueDelete(queue, false, false, false)), 2)
}
