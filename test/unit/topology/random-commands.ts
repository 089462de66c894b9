// Random topology commands for property tests, over few names so that they meet. Main thread.
import fc from 'fast-check';
import type { Command } from '../../../src/topology/command.ts';
import { args, binding, deleteExchange, exchange, queue } from './commanding.ts';

const VHOSTS = ['/', 'v'];
/** Something to work on, so that random commands find what they name. */
export const PRELUDE: readonly Command[] = [
  ...VHOSTS.map((name) => ({ kind: 'create-vhost', vhost: name }) as const),
  exchange('x', { autoDelete: true }),
  exchange('y', { autoDelete: true }),
  exchange('z'),
  queue('q'),
  queue('r'),
];

const vhost = fc.constantFrom('/', '/', '/', 'v');
const connectionId = fc.constantFrom(1, 1, 1, 2);
const exchangeName = fc.constantFrom('x', 'x', 'y', 'y', 'z', 'amq.headers', '');
const queueName = fc.constantFrom('q', 'q', 'r', 'r', '');
const table = fc.constantFrom({}, {}, {}, { a: 1 }, { 'x-match': 'bad' });

const bindingCommand = fc
  .record({
    kind: fc.constantFrom('bind' as const, 'unbind' as const),
    source: exchangeName,
    destination: fc.oneof(
      queueName.map((name) => ({ destinationKind: 'queue' as const, name })),
      exchangeName.map((name) => ({ destinationKind: 'exchange' as const, name })),
    ),
    options: fc.record({
      vhost,
      connectionId,
      routingKey: fc.constantFrom('k', 'k', 'l'),
      arguments: table,
    }),
  })
  .map(({ kind, source, destination: { name, destinationKind }, options }) =>
    binding(kind, source, name, { ...options, destinationKind }),
  );

export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('create-vhost' as const), vhost }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete-vhost' as const), vhost }) },
  {
    weight: 10,
    arbitrary: fc
      .record({
        vhost,
        name: exchangeName,
        autoDelete: fc.boolean(),
        type: fc.constantFrom('direct', 'direct', 'headers', 'x-recent-history', 'nope'),
      })
      .map(({ name, ...options }) => exchange(name, options)),
  },
  {
    weight: 10,
    arbitrary: fc
      .record({
        vhost,
        connectionId,
        name: queueName,
        exclusive: fc.constantFrom(false, false, true),
        ttl: fc.constantFrom(undefined, undefined, 5, -5),
      })
      .map(({ name, ttl, ...options }) =>
        queue(name, { ...options, ...args(ttl === undefined ? {} : { 'x-message-ttl': ttl }) }),
      ),
  },
  { weight: 60, arbitrary: bindingCommand },
  {
    weight: 2,
    arbitrary: fc
      .record({ vhost, name: exchangeName, ifUnused: fc.boolean() })
      .map(({ name, ifUnused, ...options }) => ({ ...deleteExchange(name, ifUnused), ...options })),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('queue-gone' as const),
      queueId: fc.integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('connection-closed' as const), connectionId }),
  },
);
