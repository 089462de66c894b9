// Whether a publish is allowed: write permission on its exchange and, in a topic exchange with
// topic permissions, on its routing key. Acceptor thread, hot path of those users only whose write
// pattern is not `.*` or who have topic permissions; others have no guard at all. What has been
// allowed is remembered by its bytes, so a publisher that repeats itself makes no string here.
// Invariant: remembered is only what depends on nothing but the user's permissions, which come with
// a new guard when they change; the type of an exchange is looked at each time.
import type { VhostRoutes } from '../routing/vhost-routes.ts';
import { AllowedKeys } from './allowed-keys.ts';
import type { ConnectionAccess } from './connection-access.ts';

export class PublishPermission {
  private readonly access: ConnectionAccess;
  /** Exchanges, as short strings. */
  private readonly exchanges: AllowedKeys;
  /** Exchange and routing key; undefined: there are no topic permissions. */
  private readonly topics: AllowedKeys | undefined;

  constructor(access: ConnectionAccess, hasTopics: boolean) {
    this.access = access;
    this.exchanges = new AllowedKeys();
    this.topics = hasTopics ? new AllowedKeys() : undefined;
  }

  /** Throws 403; `at` is where the short strings of exchange and routing key are. */
  check(bytes: Buffer<ArrayBufferLike>, at: number, count: number, routes: VhostRoutes): void {
    const exchangeBytes = 1 + bytes[at];
    if (!this.exchanges.has(bytes, at, exchangeBytes)) {
      this.access.assertMay(
        'write',
        'exchange',
        bytes.toString('utf8', at + 1, at + exchangeBytes),
      );
      this.exchanges.add(bytes, at, exchangeBytes);
    }
    const { topics } = this;
    if (topics === undefined || topics.has(bytes, at, count)) return;
    const exchange = bytes.toString('utf8', at + 1, at + exchangeBytes);
    // One that is not there, or internal, is refused as such when it is routed.
    const spec = routes.exchange(exchange);
    if (spec === undefined || spec.internal) return;
    const keyAt = at + exchangeBytes + 1;
    this.checkKey(exchange, bytes.toString('utf8', keyAt, at + count), routes);
    if (spec.type === 'topic' || !this.access.hasTopicsOf(exchange)) topics.add(bytes, at, count);
  }

  /** One more routing key of a message to that exchange (CC, BCC). Throws 403. */
  checkKey(exchange: string, routingKey: string, routes: VhostRoutes): void {
    this.access.assertTopic('write', exchange, routingKey, routes);
  }
}
