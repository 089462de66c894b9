// Ready-made publishes: whole messages, stamps where they belong. Test process.
import { describe, expect, it } from 'vitest';
import { publishFrames } from '../../../bench/load/frames.ts';
import { MessageBatch } from '../../../bench/load/message-batch.ts';

describe('MessageBatch', () => {
  it('repeats one message and stamps time, publisher and sequence into each copy', () => {
    const message = publishFrames('', 'q', 20, false, 131_072);
    const batch = new MessageBatch(message, 20);
    const bytes = batch.stamped(3, 1234.5, 7, 100);
    expect(bytes.length).toBe(3 * message.bytes.length);
    for (let index = 0; index < 3; index += 1) {
      const copy = bytes.subarray(index * batch.messageBytes, (index + 1) * batch.messageBytes);
      const body = copy.subarray(message.bodyStart);
      expect(body.readDoubleLE(0)).toBe(1234.5);
      expect(body.readUInt32LE(8)).toBe(7);
      expect(body.readUInt32LE(12)).toBe(100 + index);
      expect(body.toString('latin1', 16, 20)).toBe('xxxx');
      expect(copy.subarray(0, message.bodyStart)).toEqual(
        message.bytes.subarray(0, message.bodyStart),
      );
    }
    expect(batch.plain(2)).toEqual(Buffer.concat([message.bytes, message.bytes]));
  });

  it('stamps only the time when there is no room for more, and never past the body', () => {
    const message = publishFrames('', 'q', 8, false, 131_072);
    const bytes = new MessageBatch(message, 8).stamped(2, 1, 7, 0);
    expect(bytes[message.bodyStart + 8]).toBe(0xce);
    expect(bytes.readDoubleLE(message.bytes.length + message.bodyStart)).toBe(1);
  });

  it('holds one message when it is larger than a batch', () => {
    const message = publishFrames('', 'q', 1_000_000, false, 131_072);
    const batch = new MessageBatch(message, 1_000_000);
    expect(batch.messagesMax).toBe(1);
    expect(batch.plain(1)).toBe(message.bytes);
    // A stamped large message is a start of its own and the shared rest.
    const start = batch.stamped(1, 5, 3, 4);
    expect(start.readDoubleLE(message.bodyStart)).toBe(5);
    expect(start.length + batch.tail!.length).toBe(message.bytes.length);
    expect(batch.tail!.buffer).toBe(message.bytes.buffer);
    expect(message.bytes.toString('latin1', message.bodyStart, message.bodyStart + 8)).toBe(
      'xxxxxxxx',
    );
  });
});
