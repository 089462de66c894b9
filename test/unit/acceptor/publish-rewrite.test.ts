// PublishRewrite against the decoder: whatever a message's properties are, after the rewrite they are
// those that were asked for, and the others as they were.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IncomingPublish } from '../../../src/acceptor/publisher.ts';
import { PublishRewrite } from '../../../src/acceptor/publish-rewrite.ts';
import { encodeTable, type FieldTable } from '../../../src/protocol/field-table.ts';
import {
  type BasicProperties,
  contentHeaderFrame,
  decodeProperties,
} from '../../../src/protocol/properties.ts';
import { WireReader } from '../../../src/protocol/wire-reader.ts';
import { propertiesArbitrary } from '../protocol/arbitraries.ts';

/** Frame head, class, weight, body size. */
const FLAGS_AT = 19;
const HEADER_NAMES = ['BCC', 'x-routed-by', 'other'] as const;

function publish(properties: BasicProperties, slabPage = -1): IncomingPublish {
  const frame = Buffer.from(contentHeaderFrame(1, 0, properties));
  const message = new IncomingPublish();
  message.bytes = frame;
  message.view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  message.propsSource = frame;
  message.propsAt = FLAGS_AT;
  message.propsBytes = frame.length - 1 - FLAGS_AT;
  message.slabPage = slabPage;
  return message;
}

function propertiesOf({ propsSource, propsAt, propsBytes }: IncomingPublish): BasicProperties {
  const bytes = propsSource.subarray(propsAt, propsAt + propsBytes);
  return decodeProperties(new WireReader(bytes));
}

interface Edits {
  readonly dropped: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  readonly replyTo: string | undefined;
  readonly timestamp: number | undefined;
}

const edits: fc.Arbitrary<Edits> = fc.record({
  dropped: fc.subarray([...HEADER_NAMES]),
  set: fc.dictionary(fc.constantFrom(...HEADER_NAMES), fc.string({ maxLength: 30 })),
  replyTo: fc.option(fc.string({ maxLength: 60 }), { nil: undefined }),
  timestamp: fc.option(fc.maxSafeInteger().map(Math.abs), { nil: undefined }),
});

/** Properties whose headers often have the names that are rewritten. */
const properties = fc
  .tuple(propertiesArbitrary(), fc.dictionary(fc.constantFrom(...HEADER_NAMES), fc.integer()))
  .map(([all, more]) =>
    all.headers === undefined ? all : { ...all, headers: { ...all.headers, ...more } },
  );

function rewritten(rewrite: PublishRewrite, before: BasicProperties, change: Edits) {
  const message = publish(before);
  for (const name of change.dropped) rewrite.dropHeader(Buffer.from(name));
  for (const [name, value] of Object.entries(change.set)) {
    rewrite.setHeader(Buffer.from(name), Buffer.from(encodeTable({ [name]: value })));
  }
  if (change.replyTo !== undefined) rewrite.setReplyTo(Buffer.from(change.replyTo));
  if (change.timestamp !== undefined) rewrite.setTimestamp(change.timestamp);
  rewrite.apply(message);
  return propertiesOf(message);
}

function expected(before: BasicProperties, { dropped, set, replyTo, timestamp }: Edits) {
  const after: Record<string, unknown> = { ...before };
  if (dropped.length > 0 || Object.keys(set).length > 0) {
    const kept = Object.entries(before.headers ?? {}).filter(
      ([name]) => !dropped.includes(name) && !Object.hasOwn(set, name),
    );
    after['headers'] = { ...Object.fromEntries(kept), ...set } satisfies FieldTable;
  }
  if (replyTo !== undefined) after['replyTo'] = replyTo;
  if (timestamp !== undefined) after['timestamp'] = timestamp;
  return after;
}

describe('PublishRewrite', () => {
  it('changes what was asked for and nothing else', () => {
    const rewrite = new PublishRewrite();
    fc.assert(
      fc.property(properties, edits, (before, change) => {
        const plain = propertiesOf(publish(before));
        expect(rewritten(rewrite, before, change)).toEqual(expected(plain, change));
      }),
    );
  });

  it('forgets its edits: the next message has only its own', () => {
    const rewrite = new PublishRewrite();
    const before = { headers: { BCC: 1, a: 'b' }, replyTo: 'x' };
    const none = { dropped: [], set: {}, replyTo: undefined, timestamp: undefined };
    const all = { dropped: ['BCC'], set: { c: 'd' }, replyTo: 'y', timestamp: 7 };
    expect(rewritten(rewrite, before, all)).toEqual({
      headers: { a: 'b', c: 'd' },
      replyTo: 'y',
      timestamp: 7,
    });
    expect(rewritten(rewrite, before, none)).toEqual(before);
  });

  it('takes properties of any size', () => {
    const headers = { a: 'x'.repeat(100_000), BCC: 'y' };
    const message = publish({ headers });
    const rewrite = new PublishRewrite();
    rewrite.dropHeader(Buffer.from('BCC'));
    rewrite.apply(message);
    expect(propertiesOf(message)).toEqual({ headers: { a: headers.a } });
  });

  it('says how much of a slab body is to be skipped', () => {
    const message = publish({ replyTo: 'x' }, 5);
    const { propsBytes } = message;
    const rewrite = new PublishRewrite();
    rewrite.setReplyTo(Buffer.from('longer'));
    rewrite.apply(message);
    expect(message).toMatchObject({
      slabPage: 5,
      slabSkip: propsBytes,
      propsBytes: propsBytes + 5,
    });
  });
});
