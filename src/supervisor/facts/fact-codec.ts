// Facts as the JSON of CHANGE records (docs/log-format.md). Main thread. Field tables hold types
// that JSON has not (64-bit integers, bytes, floats, timestamps): they are kept as base64 of their
// AMQP encoding, which loses nothing that ever came from a client.
//
//   {"kind":"queue-declared","vhost":"/","queue":{"id":7,"name":"q",...,"arguments":"Dng..."}}
//
// A record of a snapshot has two more members: `snapshot`, the position at which the snapshot
// begins, by which its records are told from those of another; and in the last one `records`, how
// many it has.
import { decodeTable, encodeTable, type FieldTable } from '../../protocol/field-table.ts';
import type { Fact } from './fact.ts';

export interface SnapshotMark {
  /** The position of its first record: no other snapshot ever has the same. */
  readonly snapshot: number;
  /** In its last record: how many it has, this one included. */
  readonly records?: number;
}

export function encodeFact(fact: Fact, mark?: SnapshotMark): Buffer {
  return Buffer.from(
    JSON.stringify({ ...withTables(withoutPolicy(fact), tableText), ...mark }),
    'utf8',
  );
}

/** Throws when the text is none of ours. */
export function decodeFact(payload: Uint8Array): {
  readonly fact: Fact;
  readonly mark: SnapshotMark | undefined;
} {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
  const { snapshot, records, ...fact } = JSON.parse(text);
  return {
    fact: withTables(fact as Fact, tableFrom),
    mark: snapshot === undefined ? undefined : { snapshot, records },
  };
}

/** What policies make of a queue or exchange follows from them; they are facts of their own. */
function withoutPolicy(fact: Fact): Fact {
  switch (fact.kind) {
    case 'exchange-declared':
      return { ...fact, exchange: { ...fact.exchange, policy: undefined } };
    case 'queue-declared':
    case 'queue-deleted':
      return { ...fact, queue: { ...fact.queue, policy: undefined } };
    default:
      return fact;
  }
}

/** The fact with its field tables (or what stands for them) turned into the other form. */
function withTables(fact: Fact, turn: (table: never) => unknown): Fact {
  const turned = <T extends { readonly arguments: FieldTable }>(spec: T): T => ({
    ...spec,
    arguments: turn(spec.arguments as never),
  });
  switch (fact.kind) {
    case 'exchange-declared':
      return { ...fact, exchange: turned(fact.exchange) };
    case 'queue-declared':
    case 'queue-deleted':
      return { ...fact, queue: turned(fact.queue) };
    case 'bound':
    case 'unbound':
      return { ...fact, binding: turned(fact.binding) };
    default:
      return fact;
  }
}

function tableText(table: FieldTable): string {
  return Buffer.from(encodeTable(table)).toString('base64');
}

function tableFrom(text: string): FieldTable {
  const bytes = Buffer.from(text, 'base64');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decodeTable(bytes, view, 0, bytes.length);
}
