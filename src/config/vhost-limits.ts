// Limits for groups of virtual hosts. Runs in main only. `default_limits.vhosts.NAME.pattern`,
// `.max_connections` and `.max_queues` as in RabbitMQ 3.12 and later: the first NAME whose pattern
// matches decides, in the order that RabbitMQ gives them (by code units, so 10 comes before 2), and
// without a pattern all virtual hosts match. https://www.rabbitmq.com/docs/vhosts#limits
// RabbitMQ writes them to a virtual host when it is created; here they hold for those that exist.
import type { VhostLimits } from './broker-config.ts';
import { parseLimit } from './value-parser.ts';

const KEY = 'default_limits.vhosts';
const ANY_VHOST = '.*';
const COUNT_MAX = 1_000_000_000;

export type AssignedVhostLimits =
  | { readonly list: readonly VhostLimits[] }
  | { readonly expected: string };

/** The list after one assignment, or what the value should have been. */
export function assignVhostLimits(
  list: readonly VhostLimits[],
  key: string,
  value: string,
): AssignedVhostLimits {
  if (key === KEY) {
    if (value === 'none') return { list: [] };
    return { expected: 'none, or be followed by .NAME.pattern and the like' };
  }
  const match = /^(.+)\.(pattern|max_connections|max_queues)$/u.exec(key.slice(KEY.length + 1));
  if (match === null) {
    return { expected: 'a key that ends in .pattern, .max_connections or .max_queues' };
  }
  const [, name, what] = match;
  const before = list.find((limits) => limits.name === name) ?? {
    name,
    pattern: ANY_VHOST,
    connectionsMax: 0,
    queuesMax: 0,
  };
  const after = changed(before, what, value);
  if ('expected' in after) return after;
  const others = list.filter((limits) => limits.name !== name);
  return { list: [...others, after].sort((one, other) => (one.name < other.name ? -1 : 1)) };
}

function changed(
  limits: VhostLimits,
  what: string,
  value: string,
): VhostLimits | { readonly expected: string } {
  if (what === 'pattern') {
    return isPattern(value) ? { ...limits, pattern: value } : { expected: 'a regular expression' };
  }
  // RabbitMQ writes "unlimited" as -1 here.
  const parsed = value === '-1' ? { value: 0 } : parseLimit(value, COUNT_MAX);
  if ('expected' in parsed) return parsed;
  return what === 'max_queues'
    ? { ...limits, queuesMax: parsed.value }
    : { ...limits, connectionsMax: parsed.value };
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

/** The assignments that make this list again, as key and value. */
export function vhostLimitsEntries(list: readonly VhostLimits[]): (readonly [string, string])[] {
  if (list.length === 0) return [[KEY, 'none']];
  return list.flatMap(({ name, pattern, connectionsMax, queuesMax }) => [
    [`${KEY}.${name}.pattern`, pattern] as const,
    [`${KEY}.${name}.max_connections`, limitText(connectionsMax)] as const,
    [`${KEY}.${name}.max_queues`, limitText(queuesMax)] as const,
  ]);
}

/** 0 as the word that people read rightly. */
export function limitText(limit: number): string {
  return limit === 0 ? 'infinity' : String(limit);
}

/** What one virtual host may have, by the first entry that matches its name; 0: no limit. */
export function limitsOfVhost(
  list: readonly VhostLimits[],
  vhost: string,
): Pick<VhostLimits, 'connectionsMax' | 'queuesMax'> {
  const found = list.find(({ pattern }) => new RegExp(pattern, 'u').test(vhost));
  return found ?? { connectionsMax: 0, queuesMax: 0 };
}
