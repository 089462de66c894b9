// What virtual hosts and users may have, as it is now. Main thread. Limits that were set while the
// broker runs come before those of the configuration: those of a virtual host are the runtime
// parameter `limits` of the component `vhost-limits`, those of a user belong to it. RabbitMQ counts
// below zero as no limit and zero as none at all
// (https://www.rabbitmq.com/docs/vhosts#limits, https://www.rabbitmq.com/docs/user-limits); in the
// configuration zero is no limit. Whatever is over a new limit already stays.
import type { Users } from '../auth/users.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import { limitsOfVhost } from '../config/vhost-limits.ts';
import type { JsonValue } from './facts/fact.ts';
import type { Parameters } from './facts/parameters.ts';

const VHOST_LIMITS_COMPONENT = 'vhost-limits';
const VHOST_LIMITS_NAME = 'limits';

type Configured = Pick<BrokerConfig, 'vhostLimits' | 'userConnectionMax' | 'userChannelMax'>;

/** Undefined is no limit. */
interface VhostMaxima {
  readonly connectionsMax: number | undefined;
  readonly queuesMax: number | undefined;
}

interface UserMaxima {
  readonly connectionsMax: number | undefined;
  readonly channelsMax: number | undefined;
}

export interface LimitSources {
  readonly users: Pick<Users, 'find'>;
  readonly parameters: Pick<Parameters, 'find'>;
}

export class LiveLimits {
  private readonly config: Configured;
  private readonly sources: () => LimitSources;

  /** `sources` is asked when a limit is: the topology, which asks, is part of their state. */
  constructor(config: Configured, sources: () => LimitSources) {
    this.config = config;
    this.sources = sources;
  }

  ofVhost(vhost: string): VhostMaxima {
    const { parameters } = this.sources();
    const set = parameters.find(vhost, VHOST_LIMITS_COMPONENT, VHOST_LIMITS_NAME);
    const configured = limitsOfVhost(this.config.vhostLimits, vhost);
    return {
      connectionsMax: maximum(member(set, 'max-connections'), configured.connectionsMax),
      queuesMax: maximum(member(set, 'max-queues'), configured.queuesMax),
    };
  }

  ofUser(name: string): UserMaxima {
    const limits = this.sources().users.find(name)?.limits;
    const { userConnectionMax, userChannelMax } = this.config;
    return {
      connectionsMax: maximum(limits?.['max-connections'], userConnectionMax),
      channelsMax: maximum(limits?.['max-channels'], userChannelMax),
    };
  }
}

function member(value: JsonValue | undefined, name: string): number | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const found = (value as Readonly<Record<string, JsonValue>>)[name];
  return typeof found === 'number' ? found : undefined;
}

function maximum(set: number | undefined, configured: number): number | undefined {
  if (set !== undefined) return set < 0 ? undefined : set;
  return configured === 0 ? undefined : configured;
}
