// RecordTable against a Map, and SegmentLedger against counting all rows anew.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordTable } from '../../../../shards/log/record-table.ts';
import { SegmentLedger } from '../../../../shards/log/segment-ledger.ts';

const POSITION_MAX = 2 ** 50;
const SEGMENT_BYTES = 1024 * 1024;
const PIECE_BYTES = 256 * 1024;

interface Row {
  position: number;
  inner: number;
  readonly dataBytes: number;
  references: number;
  endPosition: number;
}

const place = fc.tuple(
  fc.oneof(fc.nat(5000), fc.constantFrom(2 ** 32, 2 ** 35 - 1, 2 ** 40, POSITION_MAX / 8)),
  fc.oneof(fc.constant(-1), fc.nat(32_767)),
);

const step = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    place,
    bytes: fc.nat(1_000_000),
    n: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant('move' as const), place, at: fc.nat(99) }),
  fc.record({ kind: fc.constant('more' as const), at: fc.nat(99) }),
  fc.record({ kind: fc.constant('drop' as const), at: fc.nat(99) }),
);

describe('RecordTable', () => {
  it('keeps where messages lie, far positions too, and uses rows again', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const table = new RecordTable();
        const model = new Map<number, Row>();
        let most = 0;
        for (const one of steps) {
          const rows = [...model.keys()];
          if (one.kind === 'add') {
            const [units, innerUnits] = one.place;
            const position = units * 8;
            const inner = innerUnits < 0 ? -1 : innerUnits * 8;
            const row = table.add(position, inner, one.bytes, one.n);
            expect(model.has(row)).toBe(false);
            model.set(row, {
              position,
              inner,
              dataBytes: one.bytes,
              references: one.n,
              endPosition: 0,
            });
          } else if (rows.length > 0) {
            const row = rows[one.at % rows.length];
            const known = model.get(row)!;
            if (one.kind === 'move') {
              known.position = one.place[0] * 8;
              known.inner = one.place[1] < 0 ? -1 : one.place[1] * 8;
              table.move(row, known.position, known.inner);
            } else if (one.kind === 'more') {
              known.references += 1;
              table.addReference(row);
            } else {
              known.references -= 1;
              expect(table.dropReference(row)).toBe(known.references);
              if (known.references === 0) {
                table.free(row);
                model.delete(row);
              }
            }
          }
          most = Math.max(most, model.size);
          expect([table.count, table.end]).toEqual([model.size, most]);
        }
        for (let row = 0; row < table.end; row += 1) {
          const known = model.get(row);
          expect(table.isUsed(row)).toBe(known !== undefined);
          if (known === undefined) continue;
          expect([
            table.position(row),
            table.inner(row),
            table.dataBytes(row),
            table.references(row),
          ]).toEqual([known.position, known.inner, known.dataBytes, known.references]);
        }
      }),
    );
  });

  it('grows by pages', () => {
    const table = new RecordTable();
    for (let i = 0; i < 40_000; i += 1) table.add(i * 8, -1, i, 1);
    expect(table.bytes).toBe(3 * 16 * 1024 * 16);
    for (let i = 0; i < 40_000; i += 1) {
      expect(table.position(i) + table.dataBytes(i)).toBe(i * 9);
    }
  });
});

describe('SegmentLedger', () => {
  it('knows what is live in each segment', () => {
    const ledgerStep = fc.oneof(
      fc.record({
        kind: fc.constant('add' as const),
        at: fc.nat(20 * SEGMENT_BYTES),
        bytes: fc.constantFrom(0, 7, 5000, PIECE_BYTES, PIECE_BYTES + 1, 3_000_000),
      }),
      fc.record({ kind: fc.constant('remove' as const), at: fc.nat(99), bytes: fc.constant(0) }),
      fc.record({ kind: fc.constant('forget' as const), at: fc.nat(99), bytes: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(ledgerStep, { maxLength: 120 }), (steps) => {
        const records = new RecordTable();
        const ledger = new SegmentLedger(SEGMENT_BYTES, records);
        const rows = new Map<number, number>();
        for (const { kind, at, bytes } of steps) {
          if (kind === 'add') {
            const position = SEGMENT_BYTES + Math.floor(at / 8) * 8;
            const row = records.add(position, -1, bytes, 1);
            const end = position + 40 + bytes;
            ledger.added(row, end);
            rows.set(row, end);
          } else if (kind === 'remove' && rows.size > 0) {
            const row = [...rows.keys()][at % rows.size];
            ledger.removed(row);
            records.free(row);
            rows.delete(row);
          } else if (kind === 'forget') {
            for (const segment of ledger.segments.values()) {
              if (segment.liveMessages === 0) ledger.forget(segment.number);
            }
          }
        }
        const messages = new Map<number, number>();
        const liveBytes = new Map<number, number>();
        for (const [row, end] of rows) {
          const first = Math.floor(records.position(row) / SEGMENT_BYTES);
          const dataBytes = records.dataBytes(row);
          const last = dataBytes > PIECE_BYTES ? Math.floor((end - 1) / SEGMENT_BYTES) : first;
          for (let n = first; n <= last; n += 1) messages.set(n, (messages.get(n) ?? 0) + 1);
          const live = 40 + Math.ceil(dataBytes / 8) * 8;
          liveBytes.set(first, (liveBytes.get(first) ?? 0) + live);
        }
        for (const { number, liveMessages, liveBytes: live } of ledger.segments.values()) {
          expect([number, liveMessages, live]).toEqual([
            number,
            messages.get(number) ?? 0,
            liveBytes.get(number) ?? 0,
          ]);
        }
        for (const number of messages.keys()) expect(ledger.segments.has(number)).toBe(true);
        const total = [...liveBytes.values()].reduce((sum, one) => sum + one, 0);
        expect(ledger.liveBytes).toBe(total);
        expect(ledger.diskBytes).toBe(ledger.segments.size * SEGMENT_BYTES);
      }),
    );
  });
});
