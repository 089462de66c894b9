// The records of one segment in words, for --segment. Main thread, pure. What a CHANGE says of a
// user is left out but for the name: reports are sent to others.
import * as log from '../../log/log.ts';
import { decodeFact } from '../../supervisor/facts/fact-codec.ts';
import type { Fact } from '../../supervisor/facts/fact.ts';
import { KIND_NAMES } from './record-kinds.ts';
import type { RecordReport } from './report.ts';

const PAIRS_SHOWN = 4;

/** How a queue id is to be shown. */
export type NameQueue = (queueId: number) => string;

/** The first `limit` records, and how many there are. */
export function listRecords(
  entries: Int32Array,
  limit: number,
  nameQueue: NameQueue,
): { readonly total: number; readonly records: readonly RecordReport[] } {
  const records: RecordReport[] = [];
  let total = 0;
  for (let at = 0; at < entries.length; ) {
    total += 1;
    if (records.length < limit) {
      records.push({
        offset: entries[at + log.ENTRY_OFFSET],
        kind: KIND_NAMES[entries[at] & 0xff],
        bytes: entries[at + log.ENTRY_RECORD_BYTES],
        text: recordText(entries, at, nameQueue),
      });
    }
    at += log.ENTRY_WORDS + entries[at + log.ENTRY_EXTRA];
  }
  return { total, records };
}

function recordText(entries: Int32Array, at: number, nameQueue: NameQueue): string {
  const kind = entries[at] & 0xff;
  const flags = (entries[at] >> 8) & 0xff;
  const count = entries[at] >>> 16;
  const from = at + log.ENTRY_WORDS;
  const words = entries.subarray(from, from + entries[at + log.ENTRY_EXTRA]);
  const dataBytes = entries[at + log.ENTRY_DATA_BYTES];
  switch (kind) {
    case log.PUBLISH:
      return publishText(words, flags, dataBytes, entries[at + log.ENTRY_INNER], nameQueue);
    case log.BODY:
      return `piece ${entries[at + log.ENTRY_INNER]}, ${dataBytes} bytes`;
    case log.ACK:
      return runs(words, count, nameQueue);
    case log.COUNT:
      return triples(words, count, (id, number, deliveries) => {
        return `${nameQueue(id)} #${number >>> 0} delivered ${times(deliveries)}`;
      });
    case log.BLOCK:
      return `${count} messages${(flags & log.COMPRESSED) === 0 ? '' : ', compressed'}`;
    case log.IMPORT:
      return (flags & log.IMPORT_END) === 0 ? 'begin of a take-over' : 'a log was taken over';
    case log.CHANGE:
      return changeText(words);
    default:
      return '';
  }
}

function publishText(
  words: Int32Array,
  flags: number,
  dataBytes: number,
  inner: number,
  nameQueue: NameQueue,
): string {
  const targets: string[] = [];
  for (let i = 0; i < words.length && targets.length < PAIRS_SHOWN; i += 2) {
    targets.push(`${nameQueue(words[i])} #${words[i + 1] >>> 0}`);
  }
  const hidden = words.length / 2 - targets.length;
  if (hidden > 0) targets.push(`and ${hidden} more`);
  const notes = [`${dataBytes} bytes`];
  if (inner >= 0) notes.push(`in the block at ${inner}`);
  if ((flags & log.SPILLED) !== 0) notes.push('spilled, gone after a restart');
  if ((flags & log.CONTINUED) !== 0) notes.push('continued');
  return `${targets.join(', ')}; ${notes.join(', ')}`;
}

function runs(words: Int32Array, count: number, nameQueue: NameQueue): string {
  return triples(words, count, (id, first, many) => {
    const last = (first + many - 1) >>> 0;
    const numbers = many === 1 ? `#${first >>> 0}` : `#${first >>> 0}..${last}`;
    return `${nameQueue(id)} ${numbers}`;
  });
}

function triples(
  words: Int32Array,
  count: number,
  text: (queueId: number, number: number, value: number) => string,
): string {
  const texts: string[] = [];
  for (let i = 0; i < Math.min(count, PAIRS_SHOWN); i += 1) {
    texts.push(text(words[i * 3], words[i * 3 + 1], words[i * 3 + 2]));
  }
  if (count > PAIRS_SHOWN) texts.push(`and ${count - PAIRS_SHOWN} more`);
  return texts.join(', ');
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function changeText(words: Int32Array): string {
  try {
    const payload = new Uint8Array(words.buffer, words.byteOffset + 8, words[0]);
    const { fact, mark } = decodeFact(payload);
    const text = `${fact.kind} ${factSubject(fact)}`.trimEnd();
    return mark === undefined ? text : `${text} (snapshot)`;
  } catch {
    return 'no fact that this version can read';
  }
}

function factSubject(fact: Fact): string {
  switch (fact.kind) {
    case 'vhost-created':
    case 'vhost-deleted':
      return `'${fact.vhost}'`;
    case 'exchange-declared':
      return `'${fact.exchange.name}' in '${fact.vhost}'`;
    case 'exchange-deleted':
      return `'${fact.name}' in '${fact.vhost}'`;
    case 'queue-declared':
    case 'queue-deleted':
      return `'${fact.queue.name}' in '${fact.vhost}', id ${fact.queue.id}`;
    case 'bound':
    case 'unbound': {
      const { source, destination, routingKey } = fact.binding;
      return `'${source}' to '${destination}' by '${routingKey}' in '${fact.vhost}'`;
    }
    case 'user-set':
      return `'${fact.account.name}'`;
    case 'user-deleted':
    case 'user-limits-set':
      return `'${fact.user}'`;
    case 'permission-set':
    case 'permission-deleted':
      return `'${fact.user}' in '${fact.vhost}'`;
    case 'topic-permission-set':
    case 'topic-permission-deleted':
      return `'${fact.user}' on '${fact.exchange ?? ''}' in '${fact.vhost}'`;
    case 'parameter-set':
    case 'parameter-deleted':
      return `'${fact.parameter.component}' '${fact.parameter.name}' in '${fact.parameter.vhost}'`;
    case 'queue-ids-used':
      return `below ${fact.below}`;
  }
}
