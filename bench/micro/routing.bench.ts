// What a route-cache miss costs: one resolve per exchange type with 1, 100 and 10,000 bindings,
// each to a queue of its own. Its own process, run directly. Each sample is a batch of
// resolves with changing keys, because one resolve is shorter than the timer can see; the row is
// the median. Each message goes to one queue, however many there are; in the fanout rows it goes to
// all of them.
import type { FieldTable } from '../../src/protocol/field-table.ts';
import { Resolution } from '../../src/routing/resolution.ts';
import { VhostRoutes } from '../../src/routing/vhost-routes.ts';
import { type BenchOptions, type BenchRow, measure } from './bench-row.ts';

interface Message {
  readonly key: string;
  readonly headers: FieldTable | undefined;
}

interface Shape {
  readonly exchangeName: string;
  readonly type: string;
  bindingKey(index: number): string;
  bindingArguments(index: number): FieldTable;
  message(index: number): Message;
}

const VHOST = '/';
const BINDING_COUNTS = [1, 100, 10_000];
const BATCH_RESOLVES = 100;
const noArguments = (): FieldTable => ({});

const SHAPES: readonly Shape[] = [
  {
    exchangeName: '',
    type: 'default',
    bindingKey: () => '',
    bindingArguments: noArguments,
    message: (index) => ({ key: `queue-${index}`, headers: undefined }),
  },
  {
    exchangeName: 'x',
    type: 'direct',
    bindingKey: (index) => `orders.${index}`,
    bindingArguments: noArguments,
    message: (index) => ({ key: `orders.${index}`, headers: undefined }),
  },
  {
    exchangeName: 'x',
    type: 'fanout',
    bindingKey: () => '',
    bindingArguments: noArguments,
    message: () => ({ key: '', headers: undefined }),
  },
  {
    exchangeName: 'x',
    type: 'topic',
    bindingKey: (index) => {
      const kinds = [`eu.${index}.*.created`, `eu.${index}.#`, `#.${index}.*.created`];
      return kinds[index % kinds.length];
    },
    bindingArguments: noArguments,
    message: (index) => ({ key: `eu.${index}.order.created`, headers: undefined }),
  },
  {
    exchangeName: 'x',
    type: 'headers',
    bindingKey: () => '',
    bindingArguments: (index) => ({ 'x-match': 'all', kind: 'order', tenant: index }),
    message: (index) => ({ key: '', headers: { kind: 'order', tenant: index, trace: 'c0ffee' } }),
  },
];

function routesWith(shape: Shape, bindingCount: number): VhostRoutes {
  const routes = new VhostRoutes(VHOST);
  const flags = { durable: true, autoDelete: false, arguments: {} };
  const { exchangeName, type } = shape;
  if (exchangeName !== '') {
    const exchange = { name: exchangeName, type, internal: false, ...flags };
    routes.apply({ kind: 'exchange-declared', vhost: VHOST, exchange });
  }
  for (let index = 0; index < bindingCount; index += 1) {
    const name = `queue-${index}`;
    const queue = { id: index + 1, shard: 0, name, exclusiveOwner: 0, ...flags };
    routes.apply({ kind: 'queue-declared', vhost: VHOST, queue });
    if (exchangeName === '') continue;
    const binding = {
      source: exchangeName,
      destination: name,
      destinationKind: 'queue',
      routingKey: shape.bindingKey(index),
      arguments: shape.bindingArguments(index),
    } as const;
    routes.apply({ kind: 'bound', vhost: VHOST, binding, durable: true });
  }
  return routes;
}

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const shape of SHAPES) {
    for (const bindingCount of BINDING_COUNTS) {
      rows.push(await measureResolve(shape, bindingCount, options));
    }
  }
  return rows;
}

async function measureResolve(
  shape: Shape,
  bindingCount: number,
  options: BenchOptions,
): Promise<BenchRow> {
  const routes = routesWith(shape, bindingCount);
  const messages = Array.from({ length: Math.min(bindingCount, 1000) }, (_, index) => {
    const at = Math.floor((index * bindingCount) / Math.min(bindingCount, 1000));
    const { key, headers } = shape.message(at);
    return { key, message: { headers, properties: {} } };
  });
  const resolution = new Resolution();
  let next = 0;
  const resolveBatch = () => {
    for (let i = 0; i < BATCH_RESOLVES; i += 1) {
      const { key, message } = messages[next];
      next = next + 1 < messages.length ? next + 1 : 0;
      routes.resolve(shape.exchangeName, key, message, resolution);
    }
    // A benchmark of routes that lead nowhere would measure something else.
    if (resolution.queues.length === 0) throw new Error(`${shape.type}: nothing was routed`);
  };
  const name = `resolve ${shape.type}, ${bindingCount.toLocaleString('en')} bindings`;
  return measure(name, BATCH_RESOLVES, options, resolveBatch);
}
