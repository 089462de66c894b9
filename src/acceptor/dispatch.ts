// Finds the handler of a method and calls it. Acceptor thread. Publishing does not come this way
// (frame-reader.ts, content-input.ts); acks do, decoded without an object.
import { notAClientMethod, wrongMethodInState } from '../errors/connection-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import {
  decodeMethod,
  ID_BASIC_ACK,
  type Method,
  type MethodName,
} from '../protocol/methods.generated.ts';
import { WireReader } from '../protocol/wire-reader.ts';
import type { Channel } from './channel.ts';
import type { Connection, ConnectionState } from './connection.ts';
import { takeAck } from './handlers/basic-ack.ts';
import { channelHandlers } from './handlers/channel-handlers.ts';
import { connectionHandlers } from './handlers/connection-handlers.ts';

const ACK_PAYLOAD_BYTES = 13;
const reader = new WireReader(new Uint8Array(0));

/** In which state each connection method is expected; 'running' where it is not part of opening. */
const EXPECTED_STATE: Partial<Record<MethodName, ConnectionState>> = {
  'connection.start-ok': 'start-ok',
  'connection.tune-ok': 'tune-ok',
  'connection.open': 'open',
  'connection.update-secret': 'running',
};

export function dispatchConnectionMethod(
  connection: Connection,
  bytes: Buffer,
  view: DataView,
  start: number,
  end: number,
): void {
  const method = decodeMethod(reader.reset(bytes, view, start, end));
  const isClosing = method.name === 'connection.close' || method.name === 'connection.close-ok';
  if (connection.state === 'closing' && !isClosing) return;
  const expected = EXPECTED_STATE[method.name];
  if (expected !== undefined && expected !== connection.state) {
    throw new AmqpError(wrongMethodInState(method.name, connection.state));
  }
  const handler = connectionHandlers[method.name];
  const isUnasked = method.name === 'connection.close-ok' && connection.state !== 'closing';
  if (handler === undefined || isUnasked) {
    throw new AmqpError(wrongMethodInState(method.name, connection.state));
  }
  handler(connection, method as never);
}

export function dispatchChannelMethod(
  channel: Channel,
  bytes: Buffer,
  view: DataView,
  start: number,
  end: number,
): void {
  if (end - start === ACK_PAYLOAD_BYTES && view.getUint32(start) === ID_BASIC_ACK) {
    takeAck(channel, view, start + 4);
    return;
  }
  const method: Method = decodeMethod(reader.reset(bytes, view, start, end));
  const handler = channelHandlers[method.name];
  if (handler === undefined) throw new AmqpError(notAClientMethod(method.name));
  handler(channel, method as never);
}
