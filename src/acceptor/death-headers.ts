// What dead-lettering writes into a message's headers, and what it reads from them to end cycles.
// Acceptor thread, pure. https://www.rabbitmq.com/docs/dlx#effects; names, order and types of the
// fields are those of RabbitMQ (rabbit_dead_letter, mc_amqpl), which clients decode.
import type { DeathReason } from '../../shards/mailbox/from-shard-layout.ts';
import { type FieldTable, Timestamp, typeNameOf } from '../protocol/field-table.ts';

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
 * The headers that one more death writes. `headers`: those of a message that has died here before,
 * else undefined: what a client has put there, perhaps from a message that it publishes again, does
 * not count (as since RabbitMQ 4.0).
 */
export function afterDeath(headers: FieldTable | undefined, death: Death): FieldTable {
  const { queue, reason, exchange } = death;
  const deaths = headers === undefined ? [] : deathsOf(headers);
  const same = deaths.find((one) => one['queue'] === queue && one['reason'] === reason);
  const others = deaths.filter((one) => one !== same).map((one) => counted(one, 0n));
  return {
    'x-death': [same === undefined ? firstOf(death) : counted(same, 1n), ...others],
    'x-first-death-reason': headers?.['x-first-death-reason'] ?? reason,
    'x-first-death-queue': headers?.['x-first-death-queue'] ?? queue,
    'x-first-death-exchange': headers?.['x-first-death-exchange'] ?? exchange,
    'x-last-death-reason': reason,
    'x-last-death-queue': queue,
    'x-last-death-exchange': exchange,
  };
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

/** Its count is a 64-bit integer, which a decoded table no longer says: clients count on that. */
function counted(death: FieldTable, more: bigint): FieldTable {
  const count = death['count'];
  const isCount = typeof count === 'bigint' || typeof count === 'number';
  return { ...death, count: (isCount ? BigInt(Math.trunc(Number(count))) : 0n) + more };
}

/** What is there, however little it looks like what a broker wrote. */
function deathsOf(headers: FieldTable): FieldTable[] {
  const deaths = Object.hasOwn(headers, 'x-death') ? headers['x-death'] : undefined;
  if (!Array.isArray(deaths)) return [];
  return deaths.filter((death) => typeNameOf(death) === 'table') as FieldTable[];
}
