// Test support: a client of the one-thread broker. It sends any bytes, and decodes what comes back into
// a list of methods with their content, in the order they came.
import { decodeContentHeader } from '../../../support/wire/content.ts';
import { bodyFrames, headerFrame, type Properties } from '../../../support/wire/content.ts';
import { ByteReader, type FieldTable } from '../../../support/wire/field-values.ts';
import {
  decodeFields,
  FRAME_BODY,
  FRAME_HEADER,
  FRAME_METHOD,
  FrameSplitter,
  methodFrame,
  PROTOCOL_HEADER,
} from '../../../support/wire/frames.ts';
import {
  METHODS_WITH_CONTENT,
  type MethodFields,
  type MethodName,
  methodNameOf,
} from '../../../support/wire/methods.ts';
import type { SimBroker } from './sim-broker.ts';
import type { SimSocket } from './sim-socket.ts';

export interface Received {
  readonly channel: number;
  readonly name: MethodName;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Of a method with content. */
  readonly properties: Properties;
  readonly body: Buffer;
}

/** A method whose content has not come in full. */
interface OpenContent extends Received {
  properties: Properties;
  pieces: Buffer[];
  missing: number;
}

const FRAME_BYTES_MAX = 4096;

export interface LoginOptions {
  readonly heartbeat?: number;
  readonly capabilities?: FieldTable;
  readonly user?: string;
  readonly password?: string;
  readonly mechanism?: string;
  readonly vhost?: string;
  readonly frameMax?: number;
}

/** Header, login, tuning and opening, sent without waiting. */
function loginFrames(options: LoginOptions): Buffer[] {
  const { heartbeat = 0, capabilities = {}, user = 'guest', password = user } = options;
  return [
    PROTOCOL_HEADER,
    methodFrame(0, 'connection.start-ok', {
      clientProperties: { capabilities: { consumer_cancel_notify: true, ...capabilities } },
      mechanism: options.mechanism ?? 'PLAIN',
      response: Buffer.from(`\0${user}\0${password}`),
      locale: 'en_US',
    }),
    methodFrame(0, 'connection.tune-ok', {
      channelMax: 2047,
      frameMax: options.frameMax ?? FRAME_BYTES_MAX,
      heartbeat,
    }),
    methodFrame(0, 'connection.open', { virtualHost: options.vhost ?? '/' }),
  ];
}

export const LOGIN: readonly Buffer[] = loginFrames({
  capabilities: { 'connection.blocked': true },
});

/** The frames of one basic.publish. */
export function publishFrames(
  channel: number,
  target: { exchange?: string; routingKey: string; mandatory?: boolean },
  body: Buffer | string,
  properties: Properties = {},
): Buffer[] {
  const bytes = Buffer.from(body as string);
  return [
    methodFrame(channel, 'basic.publish', target),
    headerFrame(channel, bytes.length, properties),
    ...bodyFrames(channel, bytes, FRAME_BYTES_MAX),
  ];
}

export class SimClient {
  readonly broker: SimBroker;
  readonly socket: SimSocket;
  /** How many bytes the broker gets per read. */
  readBytes: () => number = () => Number.MAX_SAFE_INTEGER;
  readonly received: Received[] = [];
  private readonly splitter = new FrameSplitter();
  private readonly open = new Map<number, OpenContent>();

  constructor(broker: SimBroker, socket: SimSocket) {
    this.broker = broker;
    this.socket = socket;
    socket.onOutput = (bytes) => this.output(bytes);
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.send(Buffer.concat(frames));
  }

  login(options: LoginOptions = {}): void {
    this.send(...loginFrames(options));
  }

  method<Name extends MethodName>(
    channel: number,
    name: Name,
    fields: Partial<MethodFields<Name>> = {},
  ): void {
    this.send(methodFrame(channel, name, fields));
  }

  publish(channel: number, routingKey: string, body: Buffer | string, exchange = ''): void {
    this.send(...publishFrames(channel, { exchange, routingKey }, body));
  }

  /** Everything received since the last `take`. */
  take(): Received[] {
    return this.received.splice(0);
  }

  /** Settles the broker and takes what came. */
  async exchange(): Promise<Received[]> {
    await this.broker.settle();
    return this.take();
  }

  private output(bytes: Buffer): void {
    if (bytes.subarray(0, 4).toString('latin1') === 'AMQP') return;
    for (const { type, channel, payload } of this.splitter.push(bytes)) {
      if (type === FRAME_METHOD) this.gotMethod(channel, payload);
      else if (type === FRAME_HEADER || type === FRAME_BODY)
        this.gotContent(type, channel, payload);
    }
  }

  private gotMethod(channel: number, payload: Buffer): void {
    const reader = new ByteReader(Buffer.from(payload));
    const name = methodNameOf(reader.short(), reader.short());
    const fields = decodeFields(name, reader);
    const method = { channel, name, fields, properties: {}, body: Buffer.alloc(0) };
    if (!METHODS_WITH_CONTENT.has(name)) this.received.push(method);
    else this.open.set(channel, { ...method, pieces: [], missing: -1 });
  }

  private gotContent(type: number, channel: number, payload: Buffer): void {
    const message = this.open.get(channel);
    if (message === undefined) throw new Error('the broker sent content without a method');
    if (type === FRAME_HEADER) {
      const { bodyBytes, properties } = decodeContentHeader(payload);
      message.missing = bodyBytes;
      message.properties = properties;
    } else {
      message.pieces.push(Buffer.from(payload));
      message.missing -= payload.length;
    }
    if (message.missing < 0) throw new Error('the broker sent more body than it announced');
    if (message.missing > 0) return;
    this.open.delete(channel);
    const { name, fields, properties, pieces } = message;
    this.received.push({ channel, name, fields, properties, body: Buffer.concat(pieces) });
  }
}
