// Prints messages until Ctrl-C: node examples/consume.js [amqp://user:password@host:port/vhost]
import amqp from 'amqplib';

const connection = await amqp.connect(process.argv[2] ?? 'amqp://localhost:5672');
const channel = await connection.createChannel();
await channel.assertQueue('hello', { durable: true });
await channel.prefetch(100);

await channel.consume('hello', (message) => {
  if (message === null) return console.log('the queue was deleted');
  console.log(`received: ${message.content}`);
  channel.ack(message);
});
console.log('waiting for messages in queue "hello"; Ctrl-C ends');
process.once('SIGINT', () => connection.close());
