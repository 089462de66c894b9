// The configuration while it is being put together: starts as all defaults, takes one layer of
// assignments after the other, then checks what only shows in the whole. Runs in main only.
// A value that cannot be parsed leaves the earlier one in place and adds a problem, so that later
// checks still have something to work on.
import { type Assignment, HOST_KEY, PORT_KEY } from './assignment.ts';
import type {
  BrokerConfig,
  DefaultOperatorPolicy,
  ListenerAddress,
  PluginSetting,
  VhostLimits,
} from './broker-config.ts';
import { parseHost } from './host.ts';
import {
  listenerText,
  mergeDualStack,
  overlaps,
  parseListener,
  withHost,
  withPort,
} from './listeners.ts';
import { assignLoopbackUsers } from './loopback-users.ts';
import { assignPlugins } from './plugin-settings.ts';
import { assignOperatorPolicy } from './operator-policies.ts';
import { assignNames } from './name-list.ts';
import { schema, settingOf } from './schema.ts';
import type { ConfigField, ConfigValue, Machine, Setting } from './setting.ts';
import { HOST_EXPECTED, PORT_MAX, parseInteger, parseValue, sizeText } from './value-parser.ts';
import { assignVhostLimits } from './vhost-limits.ts';

const CHANNEL_MAX_PROTOCOL = 65535;

type MutableConfig = { -readonly [Field in ConfigField]: BrokerConfig[Field] };

export class Draft {
  readonly sources = new Map<string, string>();
  readonly #machine: Machine;
  readonly #cwd: string;
  readonly #values = new Map<ConfigField, ConfigValue>();

  constructor(machine: Machine, cwd: string) {
    this.#machine = machine;
    this.#cwd = cwd;
    for (const setting of schema) {
      this.sources.set(setting.key, 'default');
      if (typeof setting.default !== 'function') this.#values.set(setting.field, setting.default);
    }
  }

  /** Takes one layer. Listener entries come before a bare host or port of the same layer. */
  apply(assignments: readonly Assignment[], problems: string[]): void {
    this.#applyListeners(assignments, problems);
    this.#applyNameLists(assignments, problems);
    for (const assignment of assignments) {
      const setting = settingOf(assignment.key);
      if (setting === undefined || isTakenTogether(setting)) continue;
      const parsed = this.#parse(setting, assignment);
      if ('expected' in parsed) {
        problems.push(mustBe(assignment, parsed.expected, setting.secret));
        continue;
      }
      this.#values.set(setting.field, parsed.value);
      this.sources.set(setting.key, assignment.place);
    }
    this.#chooseWatermark(assignments);
  }

  /** RabbitMQ ignores the absolute watermark beside a relative one; so does a higher layer. */
  #chooseWatermark(assignments: readonly Assignment[]): void {
    const sets = (field: ConfigField) =>
      assignments.some(({ key }) => settingOf(key)?.field === field);
    if (!sets('memoryWatermarkRelative')) return;
    this.#values.set('memoryWatermarkBytes', undefined);
  }

  /** Fills what depends on other values, checks the whole, and freezes it. */
  finish(problems: string[]): BrokerConfig {
    for (const setting of schema) {
      if (typeof setting.default === 'function' && !this.#values.has(setting.field)) {
        const acceptors = this.#values.get('acceptors') as number;
        this.#values.set(setting.field, setting.default(this.#machine, acceptors));
      }
    }
    // The constructor and the loop above have set every field of the schema.
    const config = Object.fromEntries(this.#values) as unknown as MutableConfig;
    if (this.sources.get('data_dir') === 'default') {
      const dataDir = parseValue({ kind: 'path' }, config.dataDir, this.#cwd);
      if ('value' in dataDir) config.dataDir = dataDir.value as string;
    }
    if (config.channelMax === 0) config.channelMax = CHANNEL_MAX_PROTOCOL;
    config.listeners = Object.freeze(config.listeners.map((address) => Object.freeze(address)));
    config.loopbackUsers = Object.freeze([...config.loopbackUsers]);
    config.vhostLimits = Object.freeze(config.vhostLimits.map((limits) => Object.freeze(limits)));
    config.plugins = Object.freeze(config.plugins.map((plugin) => Object.freeze(plugin)));
    config.operatorPolicies = Object.freeze(
      config.operatorPolicies.map((policy) => Object.freeze(policy)),
    );
    this.#check(config, problems);
    return Object.freeze(config);
  }

  #parse(setting: Setting, { key, value }: Assignment) {
    if (setting.type.kind === 'listeners' || setting.type.kind === 'name-list') {
      throw new Error(`${key}: the entries of a layer are applied together`);
    }
    if (setting.type.kind === 'vhost-limits') {
      const limits = this.#values.get(setting.field) as readonly VhostLimits[];
      const result = assignVhostLimits(limits, key, value);
      return 'list' in result ? { value: result.list } : result;
    }
    if (setting.type.kind === 'plugins') {
      const plugins = this.#values.get(setting.field) as readonly PluginSetting[];
      const result = assignPlugins(plugins, key, value);
      return 'list' in result ? { value: result.list } : result;
    }
    if (setting.type.kind === 'operator-policies') {
      const policies = this.#values.get(setting.field) as readonly DefaultOperatorPolicy[];
      const result = assignOperatorPolicy(policies, key, value);
      return 'list' in result ? { value: result.list } : result;
    }
    if (setting.type.kind !== 'user-list') return parseValue(setting.type, value, this.#cwd);
    const users = this.#values.get(setting.field) as readonly string[];
    const result = assignLoopbackUsers(users, key, value);
    return 'users' in result ? { value: result.users } : result;
  }

  #applyNameLists(assignments: readonly Assignment[], problems: string[]): void {
    for (const { key, field, type } of schema) {
      if (type.kind !== 'name-list') continue;
      const own = assignments.filter((assignment) => settingOf(assignment.key)?.key === key);
      if (own.length === 0) continue;
      const result = assignNames(key, type, own);
      if ('expected' in result) {
        problems.push(mustBe(result.wrong, result.expected));
        continue;
      }
      this.#values.set(field, Object.freeze(result.names));
      this.sources.set(key, own[0].place);
    }
  }

  #applyListeners(assignments: readonly Assignment[], problems: string[]): void {
    const before = this.#values.get('listeners') as readonly ListenerAddress[];
    const named = new Map<string, ListenerAddress>();
    let places: string[] = [];
    let none: Assignment | undefined;
    for (const assignment of assignments) {
      const { key, value, place } = assignment;
      if (key === 'listeners.tcp' && value === 'none') none = assignment;
      else if (key === 'listeners.tcp' || key.startsWith('listeners.tcp.')) {
        const address = parseListener(value);
        if (address === undefined) problems.push(mustBe(assignment, LISTENER_EXPECTED));
        else named.set(key, address);
      } else continue;
      places.push(place);
    }
    if (none !== undefined && named.size > 0) {
      problems.push(`${none.place}: listeners.tcp = none excludes ${[...named.keys()].join(', ')}`);
    }
    let list: readonly ListenerAddress[] = before;
    if (places.length > 0) list = [...named.values()];
    else if (this.sources.get('listeners.tcp') !== 'default') {
      // A bare host or port changes what a lower layer named: both are the source.
      places = [this.sources.get('listeners.tcp')!];
    }
    for (const assignment of assignments) {
      const changed = changeListeners(list, assignment, problems);
      if (changed === undefined) continue;
      if (named.size > 0) {
        problems.push(`${assignment.place} and ${places.join(', ')} both set the listeners`);
      }
      list = changed;
      places = [...new Set([...places, assignment.place])];
    }
    if (list === before) return;
    this.#values.set('listeners', mergeDualStack(list));
    this.sources.set('listeners.tcp', [...new Set(places)].join(', '));
  }

  #check(config: BrokerConfig, problems: string[]): void {
    const place = (key: string) => this.sources.get(key)!;
    if (config.listeners.length === 0 && problems.length === 0) {
      problems.push(
        `${place('listeners.tcp')}: no listener is left (TLS listeners are not implemented yet)`,
      );
    }
    const management =
      config.managementPort === undefined
        ? []
        : [
            {
              host: config.managementHost,
              port: config.managementPort,
              key: 'management.tcp.port',
            },
          ];
    const all = [
      ...config.listeners.map((address) => ({ ...address, key: 'listeners.tcp' })),
      ...management,
    ];
    for (const [index, one] of all.entries()) {
      for (const other of all.slice(index + 1).filter((each) => overlaps(one, each))) {
        problems.push(
          `${one.key} (${place(one.key)}) and ${other.key} (${place(other.key)}) both listen on ` +
            `port ${one.port}: ${listenerText(one)} and ${listenerText(other)}`,
        );
      }
    }
    if (config.frameMax < config.frameMaxFloor) {
      problems.push(
        `${place('frame_max')}: frame_max must be at least compat.frame_max_floor ` +
          `(${config.frameMaxFloor}), found ${config.frameMax}`,
      );
    }
    if (config.inlineBodyBytesMax > config.ringBytes / 4) {
      problems.push(
        `${place('ring.inline_body_max')}: ring.inline_body_max must be at most a quarter of ` +
          `ring.bytes (${sizeText(config.ringBytes)}), ` +
          `found ${sizeText(config.inlineBodyBytesMax)}`,
      );
    }
  }
}

function isTakenTogether({ type }: Setting): boolean {
  return type.kind === 'listeners' || type.kind === 'name-list';
}

const LISTENER_EXPECTED = 'a port or host:port, such as 5672, 127.0.0.1:5672 or [::1]:5672';

/** The list after a bare host or port; undefined when the assignment is neither or is wrong. */
function changeListeners(
  list: readonly ListenerAddress[],
  assignment: Assignment,
  problems: string[],
): ListenerAddress[] | undefined {
  const { key, value } = assignment;
  if (key === PORT_KEY) {
    const port = parseInteger(value);
    if (port !== undefined && port <= PORT_MAX) return withPort(list, port);
    problems.push(mustBe(assignment, `a port from 0 to ${PORT_MAX}`));
  }
  if (key === HOST_KEY) {
    const host = parseHost(value);
    if (host !== undefined) return withHost(list, host);
    problems.push(mustBe(assignment, HOST_EXPECTED));
  }
  return undefined;
}

function mustBe({ key, value, place }: Assignment, expected: string, secret?: true): string {
  // The pseudo keys are nothing that anybody wrote: the place names the flag or variable.
  const subject = key === PORT_KEY || key === HOST_KEY ? place : `${place}: ${key}`;
  const found = secret === true ? '' : `, found ${JSON.stringify(value)}`;
  return `${subject} must be ${expected}${found}`;
}
