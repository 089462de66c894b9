// What dead-lettering writes into a message's headers, and what it reads from them to end cycles.
// Acceptor thread, pure. https://www.rabbitmq.com/docs/dlx#effects; names, order and types of the
// fields are those of RabbitMQ (rabbit_dead_letter, mc_amqpl), which clients decode.
import type { DeathReason } from '../../shards/mailbox/from-shard-layout.ts';
import {
  type FieldTable,
  type FieldValue,
  Timestamp,
  typeNameOf,
} from '../protocol/field-table.ts';

export interface Death {
  readonly queue: string;
  readonly reason: DeathReason;
  readonly atSeconds: number;
  /** Where it had been published to, and by which keys: its own and those of CC. */
  readonly exchange: string;
  readonly routingKeys: readonly string[];
  /** The expiration property that it loses, if it had one. */
  readonly expiration: string | undefined;
}

/**
 * Headers of a message that has never died here: what a client has put there, perhaps from a
 * message that it publishes again, does not count (as since RabbitMQ 4.0).
 */
export function withoutDeaths(headers: FieldTable): FieldTable {
  if (!Object.hasOwn(headers, 'x-death')) return headers;
  const entries = Object.entries(headers).filter(([name]) => !WRITTEN_BY_BROKER.test(name));
  return Object.fromEntries(entries);
}

const WRITTEN_BY_BROKER = /^x-(death|(first|last)-death-(reason|queue|exchange))$/;

/** Headers after one more death; without `keepsKeys` another routing key takes their place. */
export function afterDeath(
  headers: FieldTable,
  death: Death,
  keepsKeys: boolean,
): Record<string, FieldValue> {
  const { queue, reason, exchange } = death;
  const deaths = deathsOf(headers);
  const same = deaths.find((one) => one['queue'] === queue && one['reason'] === reason);
  const others = deaths.filter((one) => one !== same);
  const next: Record<string, FieldValue> = { ...headers };
  next['x-death'] = [same === undefined ? firstOf(death) : again(same), ...others];
  if (next['x-first-death-reason'] === undefined) {
    next['x-first-death-reason'] = reason;
    next['x-first-death-queue'] = queue;
    next['x-first-death-exchange'] = exchange;
  }
  next['x-last-death-reason'] = reason;
  next['x-last-death-queue'] = queue;
  next['x-last-death-exchange'] = exchange;
  if (!keepsKeys) delete next['CC'];
  return next;
}

/**
 * Whether a message with these headers has been in `queue` before, and has died ever since without
 * anybody's having rejected it: then nothing would ever end its round.
 */
export function isCycle(headers: FieldTable, queue: string): boolean {
  const deaths = deathsOf(headers);
  const last = deaths.findIndex((death) => death['queue'] === queue);
  if (last < 0) return false;
  return deaths.slice(0, last + 1).every((death) => death['reason'] !== 'rejected');
}

/** The further routing keys that a header (CC) holds. */
export function keysOf(headers: FieldTable, name: string): string[] {
  const keys = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : [];
}

function firstOf(death: Death): FieldTable {
  const fields = {
    count: 1n,
    reason: death.reason,
    queue: death.queue,
    time: new Timestamp(death.atSeconds),
    exchange: death.exchange,
    'routing-keys': [...death.routingKeys],
  };
  if (death.expiration === undefined) return fields;
  return { ...fields, 'original-expiration': death.expiration };
}

function again(death: FieldTable): FieldTable {
  const count = death['count'];
  const isCount = typeof count === 'bigint' || typeof count === 'number';
  return { ...death, count: (isCount ? BigInt(Math.trunc(Number(count))) : 0n) + 1n };
}

/** What is there, however little it looks like what a broker wrote. */
function deathsOf(headers: FieldTable): FieldTable[] {
  const deaths = Object.hasOwn(headers, 'x-death') ? headers['x-death'] : undefined;
  if (!Array.isArray(deaths)) return [];
  return deaths.filter((death) => typeNameOf(death) === 'table') as FieldTable[];
}
