// What the user of one connection may do in its virtual host. Acceptor thread. Main gives it with
// the answer to open-vhost and again when it has changed (access-changes.ts); it is replaced, never
// changed, so whatever is remembered in it goes with it. Handlers ask before they act; publishing
// has a guard of its own, without strings (publish-permission.ts).
// Rules: https://www.rabbitmq.com/docs/access-control, rabbit_access_control. The default exchange
// is looked up as `amq.default`.
import type { Access, TopicPermission } from '../auth/users.ts';
import { type Pattern, patternOf } from '../auth/pattern.ts';
import { accessRefused, topicAccessRefused, wrongUserId } from '../errors/access-refusals.ts';
import { AmqpError, type Refusal } from '../errors/refusal.ts';
import type { ResourceKind } from '../errors/topology-refusals.ts';
import type { VhostRoutes } from '../routing/vhost-routes.ts';
import { PublishPermission } from './publish-permission.ts';

export type PermissionKind = 'configure' | 'write' | 'read';

/** How often one acceptor has refused access, for metrics. */
export interface AccessCounts {
  refused: number;
}

/** Of a connection that has not opened its virtual host. */
export const NO_ACCESS: Access = {
  tags: [],
  permission: { configure: '', write: '', read: '' },
  topics: new Map(),
};

const DEFAULT_EXCHANGE_RESOURCE = 'amq.default';
const NO_TOPICS: ReadonlyMap<string, Readonly<Record<'write' | 'read', Pattern>>> = new Map();
const TOPIC_TYPE = 'topic';
const IMPERSONATOR_TAG = 'impersonator';

export class ConnectionAccess {
  /** Undefined: the user may publish anything anywhere. */
  readonly publishing: PublishPermission | undefined;
  private readonly user: string;
  /** Made when a publish first names its user. */
  private userBytes: Buffer | undefined;
  private readonly vhost: string;
  private readonly isImpersonator: boolean;
  private readonly patterns: Readonly<Record<PermissionKind, Pattern>>;
  private readonly topics: ReadonlyMap<string, Readonly<Record<'write' | 'read', Pattern>>>;
  private readonly counts: AccessCounts;

  constructor(user: string, vhost: string, access: Access, counts: AccessCounts) {
    const { configure, write, read } = access.permission;
    this.user = user;
    this.userBytes = undefined;
    this.vhost = vhost;
    this.isImpersonator = access.tags.includes(IMPERSONATOR_TAG);
    this.patterns = {
      configure: patternOf(configure),
      write: patternOf(write),
      read: patternOf(read),
    };
    this.topics = access.topics.size === 0 ? NO_TOPICS : topicsOf(access, user, vhost);
    this.counts = counts;
    const isFree = this.patterns.write.isEverything && this.topics.size === 0;
    this.publishing = isFree ? undefined : new PublishPermission(this, this.topics.size > 0);
  }

  /** Throws 403 unless the user has the permission on the queue or exchange. */
  assertMay(permission: PermissionKind, kind: ResourceKind, name: string): void {
    const resource = resourceName(kind, name);
    if (this.patterns[permission].matches(resource)) return;
    throw this.refused(accessRefused(permission, kind, resource, this.vhost, this.user));
  }

  mayRead(queue: string): boolean {
    return this.patterns.read.matches(queue);
  }

  /** Asking whether something exists takes any permission on it (RabbitMQ 4.3.1). */
  assertMaySee(kind: ResourceKind, name: string): void {
    const { configure, write, read } = this.patterns;
    if (read.matches(name) || write.matches(name) || configure.matches(name)) return;
    const any = 'configure, write or read';
    throw this.refused(accessRefused(any, kind, name, this.vhost, this.user));
  }

  /** Throws 403 when the user's topic permissions do not allow the key in a topic exchange. */
  assertTopic(
    permission: 'write' | 'read',
    exchange: string,
    routingKey: string,
    routes: VhostRoutes,
  ): void {
    const topic = this.topics.get(exchange);
    if (topic === undefined || routes.exchange(exchange)?.type !== TOPIC_TYPE) return;
    if (topic[permission].matches(routingKey)) return;
    const { vhost, user } = this;
    throw this.refused(topicAccessRefused(permission, routingKey, exchange, vhost, user));
  }

  hasTopicsOf(exchange: string): boolean {
    return this.topics.has(exchange);
  }

  /** Throws 406 unless the user-id in `bytes` is the user's. */
  assertUserId(bytes: Buffer<ArrayBufferLike>, from: number, count: number): void {
    if (this.isImpersonator) return;
    this.userBytes ??= Buffer.from(this.user, 'utf8');
    const { userBytes } = this;
    if (count === userBytes.length && userBytes.compare(bytes, from, from + count) === 0) return;
    const claimed = bytes.toString('utf8', from, from + count);
    throw this.refused(wrongUserId(claimed, this.user));
  }

  private refused(refusal: Refusal): AmqpError {
    this.counts.refused += 1;
    return new AmqpError(refusal);
  }
}

function topicsOf(
  access: Access,
  user: string,
  vhost: string,
): ReadonlyMap<string, Readonly<Record<'write' | 'read', Pattern>>> {
  const expand = (pattern: string): Pattern =>
    patternOf(pattern.replaceAll('{username}', () => user).replaceAll('{vhost}', () => vhost));
  return new Map(
    [...access.topics].map(([exchange, topic]: [string, TopicPermission]) => [
      exchange,
      { write: expand(topic.write), read: expand(topic.read) },
    ]),
  );
}

function resourceName(kind: ResourceKind, name: string): string {
  return kind === 'exchange' && name === '' ? DEFAULT_EXCHANGE_RESOURCE : name;
}
