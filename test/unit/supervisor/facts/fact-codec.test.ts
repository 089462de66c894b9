// Facts through JSON and back: nothing of any field table is lost.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FieldTable, tablesEqual } from '../../../../src/protocol/field-table.ts';
import type { Fact } from '../../../../src/supervisor/facts/fact.ts';
import { decodeFact, encodeFact } from '../../../../src/supervisor/facts/fact-codec.ts';
import { fieldTable } from '../../protocol/arbitraries.ts';
import { FACTS } from './every-fact.ts';

/** As it is when it comes from an acceptor: by structured clone. */
function through(fact: Fact): Fact {
  return decodeFact(encodeFact(structuredClone(fact))).fact;
}

const withArguments = (table: FieldTable): Fact => ({
  kind: 'exchange-declared',
  vhost: '/',
  exchange: {
    name: 'x',
    type: 'topic',
    durable: true,
    autoDelete: false,
    internal: false,
    arguments: table,
  },
});

describe('a fact', () => {
  it.each(FACTS)('$kind comes back as it was', (fact) => {
    // Decoded tables have no prototype.
    expect(JSON.parse(JSON.stringify(through(fact)))).toEqual(JSON.parse(JSON.stringify(fact)));
  });

  it('keeps every type that a field can have', () => {
    fc.assert(
      fc.property(fieldTable, (table) => {
        const back = through(withArguments(table)) as Extract<Fact, { kind: 'exchange-declared' }>;
        expect(tablesEqual(back.exchange.arguments, table)).toBe(true);
        // As it came from a client it stays to the byte; only a small bigint is written shorter.
        expect(encodeFact(through(back))).toEqual(encodeFact(back));
      }),
    );
  });

  it('holds nothing of what policies make of a queue or exchange', () => {
    const policy = { name: 'p', operatorName: undefined, definition: { expires: 5 } };
    const [exchange, queue] = FACTS.filter(
      ({ kind }) => kind === 'exchange-declared' || kind === 'queue-declared',
    ) as [Extract<Fact, { kind: 'exchange-declared' }>, Extract<Fact, { kind: 'queue-declared' }>];
    const ruledExchange = { ...exchange, exchange: { ...exchange.exchange, policy } };
    const ruledQueue = { ...queue, queue: { ...queue.queue, policy } };
    expect(encodeFact(ruledExchange)).toEqual(encodeFact(exchange));
    expect(encodeFact(ruledQueue)).toEqual(encodeFact(queue));
    expect(encodeFact({ ...ruledQueue, kind: 'queue-deleted' }).toString()).not.toContain('policy');
  });

  it('says which snapshot it belongs to', () => {
    const [fact] = FACTS;
    expect(decodeFact(encodeFact(fact)).mark).toBeUndefined();
    expect(decodeFact(encodeFact(fact, { snapshot: 0 })).mark).toEqual({ snapshot: 0 });
    const last = { snapshot: 2 ** 52, records: 3 };
    expect(decodeFact(encodeFact(fact, last))).toMatchObject({ fact, mark: last });
  });

  it('is refused when its text is not ours', () => {
    expect(() => decodeFact(Buffer.from('{"kind":'))).toThrow();
    const torn = encodeFact(withArguments({ a: 'b' }))
      .toString()
      .replace('"arguments":"', '$&AAAA');
    expect(() => decodeFact(Buffer.from(torn))).toThrow();
  });
});
