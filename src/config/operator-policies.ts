// Operator policies that each new virtual host gets. Runs in main only. The keys are RabbitMQ's
// (rabbit.schema, 3.12 and later): `default_policies.operator.NAME` with `.vhost_pattern`,
// `.queue_pattern`, `.apply_to`, and the settings of operator policies with `_` for `-`. As in
// RabbitMQ they are given when a virtual host is created: whoever changes or deletes them there is
// not overruled later.
// The `classic_queues.ha_*` settings, gone in RabbitMQ 4.0, are read over.
import { compileNamePattern } from '../base/name-pattern.ts';
import type { DefaultOperatorPolicy } from './broker-config.ts';
import { parseValue } from './value-parser.ts';

const KEY = 'default_policies.operator';
const APPLY_TO = ['all', 'queues', 'classic_queues', 'quorum_queues', 'streams', 'exchanges'];
const MILLIS = { kind: 'duration', unit: 'milliseconds', min: 0, max: 315_360_000_000 } as const;
const COUNT = { kind: 'integer', min: 0, max: Number.MAX_SAFE_INTEGER } as const;
const BYTES = { kind: 'size', bytesMin: 1, bytesMax: Number.MAX_SAFE_INTEGER } as const;
const SETTINGS = {
  expires: { ...MILLIS, min: 1 },
  message_ttl: MILLIS,
  max_length: COUNT,
  max_length_bytes: BYTES,
  max_in_memory_length: COUNT,
  max_in_memory_bytes: BYTES,
  delivery_limit: COUNT,
  'classic_queues.queue_version': { kind: 'integer', min: 1, max: 2 },
} as const;
/** What may follow the NAME. */
export const OPERATOR_POLICY_PARTS: readonly string[] = [
  'vhost_pattern',
  'queue_pattern',
  'apply_to',
  ...Object.keys(SETTINGS),
];
const IGNORED = [
  'classic_queues.ha_mode',
  'classic_queues.ha_params',
  'classic_queues.ha_sync_mode',
];
const PART = new RegExp(
  `^(.+?)\\.(${[...OPERATOR_POLICY_PARTS, ...IGNORED].join('|').replaceAll('.', '\\.')})$`,
  'u',
);

export type AssignedOperatorPolicies =
  | { readonly list: readonly DefaultOperatorPolicy[] }
  | { readonly expected: string };

/** The list after one assignment, or what the value should have been. */
export function assignOperatorPolicy(
  list: readonly DefaultOperatorPolicy[],
  key: string,
  value: string,
): AssignedOperatorPolicies {
  if (key === KEY) {
    if (value === 'none') return { list: [] };
    return { expected: 'none, or be followed by .NAME.max_length and the like' };
  }
  const match = PART.exec(key.slice(KEY.length + 1));
  if (match === null)
    return { expected: `a key that ends in one of ${OPERATOR_POLICY_PARTS.join(', ')}` };
  const [, name, part] = match;
  if (IGNORED.includes(part)) return { list };
  const before = list.find((policy) => policy.name === name) ?? {
    name,
    vhostPattern: '.*',
    queuePattern: '.*',
    applyTo: 'all',
    definition: {},
  };
  const after = changed(before, part, value);
  if ('expected' in after) return after;
  const others = list.filter((policy) => policy.name !== name);
  return { list: [...others, after].sort((one, other) => (one.name < other.name ? -1 : 1)) };
}

function changed(
  policy: DefaultOperatorPolicy,
  part: string,
  value: string,
): DefaultOperatorPolicy | { readonly expected: string } {
  if (part === 'vhost_pattern' || part === 'queue_pattern') {
    if (typeof compileNamePattern(value) === 'string') return { expected: 'a regular expression' };
    return part === 'vhost_pattern'
      ? { ...policy, vhostPattern: value }
      : { ...policy, queuePattern: value };
  }
  if (part === 'apply_to') {
    if (!APPLY_TO.includes(value)) return { expected: `one of ${APPLY_TO.join(', ')}` };
    return { ...policy, applyTo: value };
  }
  const parsed = parseValue(SETTINGS[part as keyof typeof SETTINGS], value, '');
  if ('expected' in parsed) return parsed;
  const setting = part.replace('classic_queues.', '').replaceAll('_', '-');
  return { ...policy, definition: { ...policy.definition, [setting]: parsed.value as number } };
}

/** The assignments that make this list again, as key and value. */
export function operatorPolicyEntries(
  list: readonly DefaultOperatorPolicy[],
): (readonly [string, string])[] {
  if (list.length === 0) return [[KEY, 'none']];
  return list.flatMap(({ name, vhostPattern, queuePattern, applyTo, definition }) => [
    [`${KEY}.${name}.vhost_pattern`, vhostPattern] as const,
    [`${KEY}.${name}.queue_pattern`, queuePattern] as const,
    [`${KEY}.${name}.apply_to`, applyTo] as const,
    ...Object.entries(definition).map(
      ([setting, value]) => [`${KEY}.${name}.${partOf(setting)}`, String(value)] as const,
    ),
  ]);
}

function partOf(setting: string): string {
  if (setting === 'queue-version') return 'classic_queues.queue_version';
  return setting.replaceAll('-', '_');
}
