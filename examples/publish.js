// Publishes a message: node examples/publish.js [amqp://user:password@host:port/vhost] [text]
import amqp from 'amqplib';

const url = process.argv[2] ?? 'amqp://localhost:5672';
const text = process.argv[3] ?? `hello at ${new Date().toISOString()}`;

const connection = await amqp.connect(url);
const channel = await connection.createConfirmChannel();
await channel.assertQueue('hello', { durable: true });

channel.sendToQueue('hello', Buffer.from(text), { persistent: true, contentType: 'text/plain' });
await channel.waitForConfirms();

console.log(`published to queue "hello": ${text}`);
await connection.close();
