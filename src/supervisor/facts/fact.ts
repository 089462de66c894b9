// What the topology log holds: facts, one per record. Main thread, plain data. A fact says what has
// become so, never what was asked for, so that reading it again needs no decision.
import type { Account, Permission, TopicPermission, UserLimits } from '../../auth/users.ts';
import type { RestorableChange } from '../../topology/durability.ts';

/** A named piece of configuration inside a virtual host (RabbitMQ: runtime parameters). */
export interface Parameter {
  readonly vhost: string;
  /** Whose it is, such as `policy` or `federation-upstream`. */
  readonly component: string;
  readonly name: string;
  readonly value: JsonValue;
}

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** Facts about what is no part of the topology: no replica hears of them. */
export type AccountFact =
  | { readonly kind: 'user-set'; readonly account: Account }
  | { readonly kind: 'user-deleted'; readonly user: string }
  | {
      readonly kind: 'permission-set';
      readonly user: string;
      readonly vhost: string;
      readonly permission: Permission;
    }
  | { readonly kind: 'permission-deleted'; readonly user: string; readonly vhost: string }
  | {
      readonly kind: 'topic-permission-set';
      readonly user: string;
      readonly vhost: string;
      readonly exchange: string;
      readonly permission: TopicPermission;
    }
  | {
      readonly kind: 'topic-permission-deleted';
      readonly user: string;
      readonly vhost: string;
      /** Undefined: those of all exchanges. */
      readonly exchange?: string | undefined;
    }
  /** All limits of the user; those that are not named there are gone. */
  | { readonly kind: 'user-limits-set'; readonly user: string; readonly limits: UserLimits }
  | { readonly kind: 'parameter-set'; readonly parameter: Parameter }
  | { readonly kind: 'parameter-deleted'; readonly parameter: Omit<Parameter, 'value'> };

/** Queue ids below this one are not given again, whether any fact names them or not. */
interface QueueIdsUsed {
  readonly kind: 'queue-ids-used';
  readonly below: number;
}

export type Fact = RestorableChange | AccountFact | QueueIdsUsed;
