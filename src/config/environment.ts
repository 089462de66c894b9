// What the environment sets: RabbitMQ's variables that still make sense here, and WARRENMQ_<KEY>
// for every key. Runs in main only. An empty variable counts as unset, as in RabbitMQ. A WARRENMQ_
// name that is no key gives a warning, not an error: others (Kubernetes) name variables as well.
import { type Assignment, HOST_KEY, PORT_KEY } from './assignment.ts';
import { nearestKey } from './nearest-key.ts';
import { OPERATOR_POLICY_PARTS } from './operator-policies.ts';
import { schema } from './schema.ts';
import { environmentName } from './setting.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const LISTENER_KEYS: Readonly<Record<string, string>> = {
  RABBITMQ_NODE_IP_ADDRESS: HOST_KEY,
  RABBITMQ_NODE_PORT: PORT_KEY,
};

const LISTENERS = /^WARRENMQ_LISTENERS_(TCP|SSL)_(.+)$/u;
const VHOST_LIMITS = /^WARRENMQ_DEFAULT_LIMITS_VHOSTS_(.+)_(PATTERN|MAX_CONNECTIONS|MAX_QUEUES)$/u;
const OPERATOR_POLICIES = environmentName('default_policies.operator');
const CONFIG_FILE = 'WARRENMQ_CONFIG_FILE';
const PLUGINS = 'WARRENMQ_PLUGINS_';
/** Of the tests that break disks (src/log/log.ts). */
const TEST_FAULTS = 'WARRENMQ_TEST_FAULTS';
/** What Kubernetes sets in every pod beside a service named `warrenmq...`. */
const KUBERNETES = /_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP)|_PORT=(tcp|udp):/u;

/** The file to read when --config names none. WarrenMQ's own variable wins. */
export function configFileFromEnvironment(env: Environment): string | undefined {
  return env[CONFIG_FILE] || env['RABBITMQ_CONFIG_FILE'] || undefined;
}

export function readEnvironment(env: Environment): {
  readonly assignments: readonly Assignment[];
  readonly warnings: readonly string[];
} {
  const assignments: Assignment[] = [];
  for (const setting of schema) {
    for (const name of setting.rabbitmqEnvironment ?? []) {
      const key = LISTENER_KEYS[name] ?? setting.key;
      add(assignments, env, 'rabbitmq-environment', name, key);
    }
    for (const key of [setting.key, ...(setting.otherKeys ?? [])]) {
      add(assignments, env, 'warrenmq-environment', environmentName(key), key);
    }
  }
  const known = new Set(schema.flatMap((setting) => [setting.key, ...(setting.otherKeys ?? [])]));
  const names = new Set([...known].map(environmentName)).add(CONFIG_FILE).add(TEST_FAULTS);
  const warnings: string[] = [];
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith('WARRENMQ_') || names.has(name) || !env[name]) continue;
    if (LISTENERS.test(name)) {
      const key = name.replace(LISTENERS, 'listeners.$1.$2').toLowerCase();
      add(assignments, env, 'warrenmq-environment', name, key);
    } else if (VHOST_LIMITS.test(name)) {
      const key = name.replace(VHOST_LIMITS, 'default_limits.vhosts.$1.$2').toLowerCase();
      add(assignments, env, 'warrenmq-environment', name, key);
    } else if (name.startsWith(PLUGINS)) {
      const key = `plugins.${name.slice(PLUGINS.length).toLowerCase()}`;
      add(assignments, env, 'warrenmq-environment', name, key);
    } else if (name.startsWith(`${OPERATOR_POLICIES}_`)) {
      const key = operatorPolicyKey(name.slice(OPERATOR_POLICIES.length + 1));
      add(assignments, env, 'warrenmq-environment', name, key);
    } else if (!KUBERNETES.test(`${name}=${env[name]}`)) {
      const nearest = nearestKey(name, names);
      const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
      warnings.push(`environment ${name} is not a setting and is ignored${hint}`);
    }
  }
  return { assignments, warnings };
}

/** `A_MAX_LENGTH` is `default_policies.operator.a.max_length`; of two that fit the longer one. */
function operatorPolicyKey(rest: string): string {
  const parts = OPERATOR_POLICY_PARTS.filter((part) => rest.endsWith(`_${environmentPart(part)}`));
  const part = parts.reduce((longest, one) => (one.length > longest.length ? one : longest), '');
  const name = rest.slice(0, -environmentPart(part).length - 1);
  return `default_policies.operator.${name.toLowerCase()}.${part}`;
}

function environmentPart(part: string): string {
  return part.toUpperCase().replaceAll('.', '_');
}

function add(
  assignments: Assignment[],
  env: Environment,
  layer: Assignment['layer'],
  name: string,
  key: string,
): void {
  const value = env[name];
  if (value) assignments.push({ layer, key, value, place: `environment ${name}` });
}
