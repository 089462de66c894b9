// basic.publish and its content header when they do not come in one read with their body: they
// start the channel's assembly. Acceptor thread. Specification 1.8.3.7 and 4.2.6.1.
import { immediateNotImplemented, messageTooLarge } from '../errors/channel-refusals.ts';
import {
  bodyBeyondCeiling,
  malformedHeader,
  unexpectedFrame,
  wrongHeaderClass,
} from '../errors/connection-refusals.ts';
import { cannotDecode } from '../errors/protocol-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { CLASS_BASIC } from '../protocol/constants.ts';
import type { Channel } from './channel.ts';
import { exrkLength } from './frame-reader.ts';

const MANDATORY_BIT = 1;
const IMMEDIATE_BIT = 2;
const PUBLISH_FIXED_BYTES = 6;
const HEADER_FIXED_BYTES = 12;
/** RabbitMQ's hard limit; within it, max_message_size decides and only the channel is closed. */
const BODY_BYTES_CEILING = 512 * 1024 * 1024;
const UINT32 = 0x1_0000_0000;

export function publishMethod(channel: Channel, bytes: Buffer, start: number, end: number): void {
  const exrkAt = start + PUBLISH_FIXED_BYTES;
  const exrkBytes = exrkAt < end ? exrkLength(bytes, exrkAt, end) : -1;
  if (exrkBytes < 0) {
    throw new AmqpError(
      cannotDecode('basic.publish', 'expected exchange, routing key and one octet of flags'),
    );
  }
  const bits = bytes[exrkAt + exrkBytes];
  if ((bits & IMMEDIATE_BIT) !== 0) throw new AmqpError(immediateNotImplemented());
  channel.assembly.begin(bytes, exrkAt, exrkBytes, (bits & MANDATORY_BIT) !== 0);
}

/**
 * False when the body has to wait, for room or because the client is over its rate: the connection
 * is stalled, the header comes again.
 */
export function contentHeader(
  channel: Channel,
  bytes: Buffer,
  view: DataView,
  start: number,
  end: number,
): boolean {
  const { assembly, connection } = channel;
  if (!assembly.expectsHeader) {
    const expected = assembly.isIdle ? 'a method' : 'a content body';
    throw new AmqpError(unexpectedFrame(expected, 'a content header'));
  }
  if (end - start < HEADER_FIXED_BYTES + 2) throw new AmqpError(malformedHeader());
  const classId = view.getUint16(start);
  if (classId !== CLASS_BASIC) throw new AmqpError(wrongHeaderClass(classId));
  const bodyBytes = view.getUint32(start + 4) * UINT32 + view.getUint32(start + 8);
  if (bodyBytes > BODY_BYTES_CEILING) {
    throw new AmqpError(bodyBeyondCeiling(bodyBytes, BODY_BYTES_CEILING));
  }
  const { messageBytesMax } = connection.acceptor.config;
  if (bodyBytes > messageBytesMax) {
    throw new AmqpError(messageTooLarge(bodyBytes, messageBytesMax));
  }
  connection.input.bodyBytes = bodyBytes;
  // Looked at before memory is taken for the body, and again when the publish is complete.
  const { alarm } = connection.vhost;
  if (alarm !== undefined) connection.flow.block(alarm);
  if (alarm !== undefined || connection.allowance?.mayPublish() === false) {
    connection.flow.stall();
    return false;
  }
  const propsAt = start + HEADER_FIXED_BYTES;
  if (!assembly.header(bytes, propsAt, end - propsAt, bodyBytes)) {
    connection.flow.block(connection.acceptor.slabBlock);
    connection.flow.stall();
    return false;
  }
  if (assembly.isComplete) channel.finishPublish();
  return true;
}
