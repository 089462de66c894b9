// Test thread. One channel of the test client: requests and their answers, publishing, deliveries,
// and refusals as values, so that a test reads as the rule it proves.
import type { Incoming, RawClient, Refused } from './raw-client.ts';
import { bodyFrames, headerFrame, type Properties } from './wire/content.ts';
import { methodFrame } from './wire/frames.ts';
import type { AnsweredMethod, MethodFields, MethodName } from './wire/methods.ts';

const POLLS_MAX = 500;
const POLL_MILLIS = 10;

export interface PublishTarget {
  readonly exchange?: string;
  readonly routingKey: string;
  readonly mandatory?: boolean;
  readonly immediate?: boolean;
}

export class RawChannel {
  readonly client: RawClient;
  readonly number: number;

  constructor(client: RawClient, number: number) {
    this.client = client;
    this.number = number;
  }

  send<Name extends MethodName>(name: Name, fields: Partial<MethodFields<Name>> = {}): void {
    this.client.send(this.number, name, fields);
  }

  next(what?: string): Promise<Incoming> {
    return this.client.next(this.number, what);
  }

  expect<Name extends MethodName>(name: Name): Promise<Incoming<Name>> {
    return this.client.expect(this.number, name);
  }

  /** Sends a method and returns the arguments of its "-ok", which must be the next method. */
  async call<Name extends AnsweredMethod>(
    name: Name,
    fields: Partial<MethodFields<Name>> = {},
  ): Promise<MethodFields<`${Name}-ok`>> {
    this.send(name, fields);
    const answer = await this.expect(`${name}-ok`);
    return answer.fields;
  }

  /** Sends a method that must be refused; answers the close and returns it. */
  async refused<Name extends MethodName>(
    name: Name,
    fields: Partial<MethodFields<Name>> = {},
  ): Promise<Refused> {
    this.send(name, fields);
    return this.refusal();
  }

  /** Waits until the broker closes this channel or the connection, skipping other methods. */
  async refusal(): Promise<Refused> {
    for (;;) {
      let incoming: Incoming;
      try {
        incoming = await this.next('channel.close or connection.close');
      } catch (error) {
        if (this.client.inbox(0).size === 0) throw error;
        return this.client.refusal();
      }
      if (incoming.name !== 'channel.close') continue;
      const { fields } = incoming as unknown as Incoming<'channel.close'>;
      this.send('channel.close-ok');
      return { scope: 'channel', ...fields };
    }
  }

  publish(target: PublishTarget, body: Buffer | string = '', properties: Properties = {}): void {
    const bytes = Buffer.from(body as string);
    const frames = [
      methodFrame(this.number, 'basic.publish', target),
      headerFrame(this.number, bytes.length, properties),
      ...bodyFrames(this.number, bytes, this.client.frameBytesMax),
    ];
    this.client.write(Buffer.concat(frames));
  }

  /** A queue of this connection alone, named by the broker. */
  async exclusiveQueue(fields: Partial<MethodFields<'queue.declare'>> = {}): Promise<string> {
    const ok = await this.call('queue.declare', { exclusive: true, ...fields });
    return ok.queue;
  }

  /** Ready messages and consumers, as queue.declare passive tells them. */
  async counts(queue: string): Promise<{ messages: number; consumers: number }> {
    const ok = await this.call('queue.declare', { queue, passive: true });
    return { messages: ok.messageCount, consumers: ok.consumerCount };
  }

  /** Returns the consumer tag. */
  async consume(
    queue: string,
    fields: Partial<MethodFields<'basic.consume'>> = {},
  ): Promise<string> {
    const ok = await this.call('basic.consume', { queue, ...fields });
    return ok.consumerTag;
  }

  delivery(): Promise<Incoming<'basic.deliver'>> {
    return this.expect('basic.deliver');
  }

  async deliveries(count: number): Promise<Incoming<'basic.deliver'>[]> {
    const deliveries: Incoming<'basic.deliver'>[] = [];
    while (deliveries.length < count) deliveries.push(await this.delivery());
    return deliveries;
  }

  async bodies(count: number): Promise<string[]> {
    return (await this.deliveries(count)).map((delivery) => delivery.body.toString());
  }

  /** basic.get: the message, or undefined when the queue is empty. */
  async get(queue: string, noAck = true): Promise<Incoming<'basic.get-ok'> | undefined> {
    this.send('basic.get', { queue, noAck });
    const answer = await this.next('basic.get-ok or basic.get-empty');
    if (answer.name === 'basic.get-empty') return undefined;
    if (answer.name !== 'basic.get-ok') throw new Error(`basic.get was answered ${answer.name}`);
    return answer as unknown as Incoming<'basic.get-ok'>;
  }

  /** Gets and settles every message that is ready; returns the bodies in order. */
  async drain(queue: string): Promise<string[]> {
    const bodies: string[] = [];
    for (;;) {
      const message = await this.get(queue);
      if (message === undefined) return bodies;
      bodies.push(message.body.toString());
    }
  }

  ack(deliveryTag: number, multiple = false): void {
    this.send('basic.ack', { deliveryTag, multiple });
  }

  /**
   * Waits until the queue holds `ready` messages, then proves that nothing more is on its way: what
   * the queue handed out before has arrived when this returns. Returns what did arrive meanwhile.
   */
  async settled(queue: string, ready: number): Promise<Incoming[]> {
    const arrived: Incoming[] = [];
    for (let poll = 0; poll < POLLS_MAX; poll += 1) {
      this.send('queue.declare', { queue, passive: true });
      const ok = await this.#nextNamed('queue.declare-ok', arrived);
      if (ok.fields.messageCount === ready) {
        this.send('channel.flow', { active: true });
        await this.#nextNamed('channel.flow-ok', arrived);
        return arrived;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
    }
    throw new Error(`${queue} never held ${ready} ready messages`);
  }

  /** `settled` where nothing else may arrive. */
  async awaitReady(queue: string, ready: number): Promise<void> {
    const arrived = await this.settled(queue, ready);
    if (arrived.length > 0) throw new Error(`the broker sent ${arrived.map(({ name }) => name)}`);
  }

  /** The next method of this name; what comes before it is put into `others`. */
  async #nextNamed<Name extends MethodName>(
    name: Name,
    others: Incoming[],
  ): Promise<Incoming<Name>> {
    for (;;) {
      const incoming = await this.next(name);
      if (incoming.name === name) return incoming as unknown as Incoming<Name>;
      if (incoming.name === 'channel.close') throw new Error('the broker closed the channel');
      others.push(incoming);
    }
  }
}
