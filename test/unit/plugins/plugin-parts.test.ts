// What plugins do goes no further than the plugin: exchange types, interceptors and listeners that
// throw, give nonsense or are slow.
import { beforeEach, describe, expect, it } from 'vitest';
import { EventQueue } from '../../../src/plugins/event-queue.ts';
import { Interceptors } from '../../../src/plugins/interceptors.ts';
import { PluginFaults } from '../../../src/plugins/plugin-faults.ts';
import { pluginExchangeType } from '../../../src/plugins/plugin-exchange-type.ts';
import type {
  BrokerEvent,
  EventListener,
  PluginExchangeType,
  RoutedByPlugin,
} from '../../../src/plugins/plugin.ts';
import { decodeProperties } from '../../../src/protocol/properties.ts';
import { WireReader } from '../../../src/protocol/wire-reader.ts';
import type { BindingSpec } from '../../../src/routing/change.ts';
import { addExchangeType } from '../../../src/routing/exchange-types.ts';
import { bindingSpec, exchangeSpec, VhostFixture } from '../routing/vhost-fixture.ts';

const lines: { plugin: string; where: string; error: string; unloggedBefore?: number }[] = [];
let now = 0;
const newFaults = () => {
  const error = (_message: string, fields?: object) => lines.push(fields as never);
  return new PluginFaults({ error }, () => now);
};
let faults = newFaults();
beforeEach(() => {
  lines.length = 0;
  now = 0;
  faults = newFaults();
});

/** An exchange `x` of the plugin's type, with queues a and b bound by their names. */
function exchangeOf(type: Omit<PluginExchangeType, 'name'>): VhostFixture {
  addExchangeType(pluginExchangeType('p', { name: 'x-test', ...type }, faults));
  const vhost = new VhostFixture().exchange('x', 'x-test').queue('a', 'b');
  return vhost.bind('x', 'a', 'a').bind('x', 'b', 'b');
}

/** Routes to the bindings whose key is the routing key. */
function routerWith(route: (all: Set<BindingSpec>, message: RoutedByPlugin) => Iterable<unknown>) {
  const all = new Set<BindingSpec>();
  return {
    bind: (binding: BindingSpec) => void all.add(binding),
    unbind: (binding: BindingSpec) => void all.delete(binding),
    route: (message: RoutedByPlugin) => route(all, message) as Iterable<BindingSpec>,
  };
}

const byKey = (all: Set<BindingSpec>, { routingKey }: RoutedByPlugin) =>
  [...all].filter((binding) => binding.routingKey === routingKey);

describe('an exchange type of a plugin', () => {
  it('routes to the bindings it names, each time anew unless it says otherwise', () => {
    const vhost = exchangeOf({ createRouter: () => routerWith(byKey) });
    expect(vhost.route('x', 'a')).toEqual(['a']);
    expect(vhost.route('x', ['a', 'b'])).toEqual(['a', 'b']);
    expect(vhost.route('x', 'c')).toEqual([]);
    expect(vhost.resolution.isCacheable).toBe(false);
    vhost.unbind('x', 'a', 'a');
    expect(vhost.route('x', 'a')).toEqual([]);
    const cached = exchangeOf({ dependsOn: 'routing-key', createRouter: () => routerWith(byKey) });
    expect(cached.route('x', 'a')).toEqual(['a']);
    expect(cached.resolution.isCacheable).toBe(true);
    expect(faults.count).toBe(0);
  });

  it('sees headers and properties', () => {
    const vhost = exchangeOf({
      createRouter: () =>
        routerWith((all, { headers, properties }) =>
          headers?.['to'] === 'all' && properties.priority === 3 ? all : [],
        ),
    });
    expect(vhost.route('x', '', { to: 'all' }, { priority: 3 })).toEqual(['a', 'b']);
    expect(vhost.route('x', '', { to: 'all' })).toEqual([]);
  });

  it('that throws makes the message unroutable there, and the next one may do better', () => {
    const vhost = exchangeOf({
      dependsOn: 'routing-key',
      createRouter: () =>
        routerWith(function* (all, message) {
          yield* byKey(all, message);
          if (message.properties.type === 'bad') throw new Error('no idea');
        }),
    });
    vhost.exchange('f', 'fanout').bindExchange('f', 'x').queue('c').bind('f', 'c');
    expect(vhost.route('f', 'a', undefined, { type: 'bad' })).toEqual(['c']);
    expect(vhost.resolution.isCacheable).toBe(false);
    expect(vhost.route('f', 'a')).toEqual(['a', 'c']);
    expect(vhost.resolution.isCacheable).toBe(true);
    expect(faults.count).toBe(1);
    expect(lines).toMatchObject([{ plugin: 'p', where: 'route() of x-test' }]);
  });

  it.each([
    ['something of another exchange', () => [bindingSpec('x', 'a', 'a')]],
    ['what is no list', () => undefined as never],
  ])('that gives %s is at fault', (_what, route) => {
    const vhost = exchangeOf({ createRouter: () => routerWith(route) });
    expect(vhost.route('x', 'a')).toEqual([]);
    expect(faults.count).toBe(1);
  });

  it('whose router cannot be made, or fails to bind, routes nothing and breaks nothing', () => {
    const fail = (): never => {
      throw new Error('broken');
    };
    const vhost = exchangeOf({ createRouter: fail });
    expect(vhost.route('x', 'a')).toEqual([]);
    expect(lines).toMatchObject([{ where: 'createRouter() of x-test' }]);
    exchangeOf({ createRouter: () => ({ bind: fail, unbind: fail, route: () => [] }) })
      .unbind('x', 'a', 'a')
      .deleteQueue('b');
    expect(lines.slice(1).map(({ where }) => where)).toEqual([
      'bind() of x-test',
      'unbind() of x-test',
    ]);
    expect(faults.count).toBe(5);
  });

  it('checks exchanges and bindings; a check that fails refuses', () => {
    const spec = exchangeSpec('x', 'x-test');
    const binding = bindingSpec('x', 'q', 'k');
    const checks = (more: Partial<PluginExchangeType>) => {
      const createRouter = () => routerWith(byKey);
      const type = pluginExchangeType('p', { name: 'x-test', createRouter, ...more }, faults);
      return [type.validate!(spec), type.validateBinding!(binding, spec, undefined)];
    };
    expect(checks({})).toEqual([undefined, undefined]);
    const said = { validate: () => 'not so', validateBinding: () => 'neither' };
    expect(checks(said)).toEqual(['not so', 'neither']);
    const validate = () => {
      throw new Error('broken');
    };
    const refused = "plugin 'p' could not check it";
    expect(checks({ validate, validateBinding: validate })).toEqual([refused, refused]);
    expect(faults.count).toBe(2);
  });
});

describe('message interceptors', () => {
  const publish = {
    vhost: '/',
    user: 'guest',
    exchange: 'x',
    routingKey: 'k',
    properties: { priority: 1 },
    bodyBytes: 7,
  };
  const run = (...all: readonly ((seen: typeof publish) => unknown)[]) => {
    const list = all.map((onPublish) => ({ plugin: 'p', interceptor: { onPublish } }));
    const encoded = new Interceptors(list as never, faults).run(publish, 100);
    return encoded === undefined ? undefined : decodeProperties(new WireReader(encoded));
  };

  it('run in their order, each on what the one before has left', () => {
    expect(new Interceptors([], faults).isEmpty).toBe(true);
    expect(run(() => undefined)).toBeUndefined();
    const add = ({ properties }: typeof publish) => ({ priority: properties.priority + 1 });
    expect(run(add, () => undefined, add)).toEqual({ priority: 3 });
    expect(publish.properties).toEqual({ priority: 1 });
    expect(run(() => ({}))).toEqual({});
    expect(faults.count).toBe(0);
  });

  it.each<[string, () => unknown]>([
    [
      'throw',
      () => {
        throw new Error('broken');
      },
    ],
    ['give a text', () => 'nonsense'],
    ['give null', () => null],
    ['give a property of a wrong type', () => ({ headers: 'x' })],
    ['give a number out of range', () => ({ priority: 300 })],
    ['give a text that is too long', () => ({ messageId: 'x'.repeat(256) })],
    ['give more than there is room for', () => ({ messageId: 'x'.repeat(100) })],
  ])('that %s change nothing', (_what, onPublish) => {
    expect(run(onPublish)).toBeUndefined();
    expect(run(() => ({ type: 't' }), onPublish)).toEqual({ type: 't' });
    expect(faults.count).toBe(2);
  });
});

describe('an event listener', () => {
  const event = (key: string): BrokerEvent => ({ key, timestampMillis: 0, properties: {} });
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  /** Offers events and lets the listener have what it takes. */
  async function offered(listener: EventListener, keys: readonly string[]): Promise<EventQueue> {
    const queue = new EventQueue('p', listener, faults);
    for (const key of keys) queue.offer(event(key));
    for (let i = 0; i < keys.length * 2 + 2; i += 1) await turn();
    return queue;
  }

  it('hears what it asked for, in order, and never at once', async () => {
    const keys = ['queue.created', 'queue.deleted', 'user.password.changed', 'queue'];
    const heard = async (events?: readonly string[]) => {
      const seen: string[] = [];
      const listener = { onEvent: ({ key }: BrokerEvent) => void seen.push(key) };
      await offered(events === undefined ? listener : { ...listener, events }, keys);
      return seen;
    };
    expect(await heard()).toEqual(keys);
    expect(await heard(['queue.*'])).toEqual(['queue.created', 'queue.deleted']);
    expect(await heard(['user.#', 'queue.deleted'])).toEqual([
      'queue.deleted',
      'user.password.changed',
    ]);
    expect(await heard(['queue.#'])).toEqual(['queue.created', 'queue.deleted', 'queue']);
    expect(await heard(['#'])).toEqual(keys);
    expect(await heard(['*', 'queue.creat.d'])).toEqual(['queue']);
    expect(await heard([])).toEqual([]);
  });

  it('hears the next one when it is done with the one before', async () => {
    const seen: string[] = [];
    let finish = () => {};
    const onEvent = ({ key }: BrokerEvent) => {
      seen.push(key);
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    };
    await offered({ onEvent }, ['a', 'b']);
    expect(seen).toEqual(['a']);
    finish();
    await turn();
    await turn();
    expect(seen).toEqual(['a', 'b']);
  });

  it('that is slow loses events, and they are counted', async () => {
    const keys = Array.from({ length: 1500 }, () => 'k');
    let heard = 0;
    const queue = await offered({ onEvent: () => void (heard += 1) }, keys);
    expect([heard, queue.droppedCount]).toEqual([1000, 500]);
    queue.offer(event('k'));
    await turn();
    await turn();
    expect(heard).toBe(1001);
  });

  it('that throws, at once or later, hears the next one all the same', async () => {
    let heard = 0;
    const onEvent = () => {
      heard += 1;
      if (heard === 1) throw new Error('at once');
      return heard === 2 ? Promise.reject(new Error('later')) : undefined;
    };
    await offered({ onEvent }, ['a', 'b', 'c']);
    expect([heard, faults.count]).toEqual([3, 2]);
    expect(lines.map(({ where }) => where)).toEqual(['onEvent() for a', 'onEvent() for b']);
  });
});

describe('the faults of a plugin', () => {
  it('are all counted, and logged now and then', () => {
    for (let i = 0; i < 100; i += 1) faults.caught('p', 'route()', new Error('x'));
    faults.caught('p', 'bind()', 'a text');
    faults.caught('q', 'route()', undefined);
    expect([faults.count, lines.length]).toEqual([102, 3]);
    expect(lines[0].unloggedBefore).toBeUndefined();
    now = 10_001;
    faults.caught('p', 'route()', new Error('x'));
    expect(lines[3].unloggedBefore).toBe(99);
  });
});
