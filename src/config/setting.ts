// What the schema says about one key. Runs in main only. A setting is data: parsing, ranges, help
// text, environment names and the printed configuration all follow from it (value-parser.ts,
// environment.ts, print-config.ts), so a new key is one new entry in a table.
import type { BrokerConfig } from './broker-config.ts';

export type SettingType =
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  /** A TCP port, or `none`. */
  | { readonly kind: 'port-or-none' }
  /** Bytes, written plain or with a unit: 16MiB, 1GB. */
  | {
      readonly kind: 'size';
      readonly bytesMin: number;
      readonly bytesMax: number;
      readonly powerOfTwo?: true;
      /** `none` is a value too. */
      readonly orNone?: true;
    }
  /** A part of a whole, such as 0.6. */
  | { readonly kind: 'fraction' }
  /** A time, written plain (in `unit`) or with a unit: 500ms, 10s, 1m. */
  | {
      readonly kind: 'duration';
      readonly unit: 'milliseconds' | 'seconds';
      readonly min: number;
      readonly max: number;
    }
  /** Text of 1 to 255 bytes, what an AMQP short string can carry. */
  | {
      readonly kind: 'string';
      readonly pattern?: RegExp;
      readonly patternText?: string;
      /** `none` is no text. */
      readonly orNone?: true;
    }
  /** One of `choices`; `aliases` are other spellings of them. */
  | {
      readonly kind: 'choice';
      readonly choices: readonly string[];
      readonly aliases: Readonly<Record<string, string>>;
    }
  /** true or false. */
  | { readonly kind: 'boolean' }
  /** An IP address, in brackets or not, or a host name. */
  | { readonly kind: 'host' }
  /** A path, made absolute against the working directory. */
  | { readonly kind: 'path'; readonly orNone?: true }
  /** How many (or, with `isSize`, how many bytes) at most: 0, written `infinity`, is no limit. */
  | { readonly kind: 'limit'; readonly max: number; readonly isSize?: true }
  /** `KEY.NAME = port | host:port`, `KEY = none` (listener-layer.ts). */
  | { readonly kind: 'listeners' }
  /** `loopback_users.NAME = true | false`, `loopback_users = none` (loopback-users.ts). */
  | { readonly kind: 'user-list' }
  /** `KEY.1 = name`, `KEY.2 = name`, or `KEY = name, name` (name-list.ts). */
  | {
      readonly kind: 'name-list';
      readonly choices?: readonly string[];
      readonly aliases?: Readonly<Record<string, string>>;
      /** `none` is no name. */
      readonly orNone?: true;
    }
  /** `default_limits.vhosts.NAME.pattern` and so on, or `... = none` (vhost-limits.ts). */
  | { readonly kind: 'vhost-limits' }
  /** `default_policies.operator.NAME.max_length` and so on (operator-policies.ts). */
  | { readonly kind: 'operator-policies' }
  /** `plugins.NAME = MODULE`, `plugins = none` (plugin-settings.ts). */
  | { readonly kind: 'plugins' };

/** What a default may depend on. */
export interface Machine {
  readonly cores: number;
  readonly hostname: string;
}

/** The named flags of `warrenmq server`, as typed: checked together with all else. */
export interface ParsedFlags {
  readonly config?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly managementPort?: string | undefined;
  readonly shards?: string | undefined;
  readonly acceptors?: string | undefined;
  /** Each `key=value` of a `--set`. */
  readonly set?: readonly string[] | undefined;
}

/** The flags that set exactly one key of the schema. */
type SettingFlag = 'dataDir' | 'managementPort' | 'shards' | 'acceptors';

export type ConfigField = keyof BrokerConfig;
export type ConfigValue = BrokerConfig[ConfigField];

export interface Setting {
  /** The name in the file and for --set; RabbitMQ's where RabbitMQ has the key. */
  readonly key: string;
  /** Other names of the key, from other RabbitMQ versions. */
  readonly otherKeys?: readonly string[];
  readonly field: ConfigField;
  readonly type: SettingType;
  readonly default: ConfigValue | ((machine: Machine, acceptors: number) => ConfigValue);
  /** What documentation says instead of a default that depends on the machine. */
  readonly defaultText?: string;
  /** RabbitMQ's environment names; WARRENMQ_<KEY> always exists besides them. */
  readonly rabbitmqEnvironment?: readonly string[];
  readonly flag?: SettingFlag;
  /** One sentence, with the unit and what special values mean. */
  readonly description: string;
  /** The WarrenMQ version that first had the key. */
  readonly since: string;
  /** Never shown in full. */
  readonly secret?: true;
}

/** `dataDir` as a person types it: `--data-dir`. */
export function flagText(flag: keyof ParsedFlags): string {
  return `--${flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The environment variable every key has: `frame_max` is WARRENMQ_FRAME_MAX. */
export function environmentName(key: string): string {
  return `WARRENMQ_${key.toUpperCase().replaceAll('.', '_')}`;
}
