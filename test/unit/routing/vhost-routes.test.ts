// One virtual host's routes: exchange-to-exchange bindings, alternate exchanges, what a deletion
// takes with it, revisions.
import { describe, expect, it } from 'vitest';
import type { VhostRoutes } from '../../../src/routing/vhost-routes.ts';
import { bindingSpec, queueSpec, VHOST, VhostFixture } from './vhost-fixture.ts';

const alternate = (name: string) => ({ arguments: { 'alternate-exchange': name } });

/** All that a vhost holds, but for the count of changes and the state of the last walk. */
function contents(routes: VhostRoutes): object {
  const passing = new Set(['appliedCount', 'walk']);
  return Object.fromEntries(Object.entries(routes).filter(([field]) => !passing.has(field)));
}

describe('exchange-to-exchange bindings', () => {
  it('are followed, with the same key, each queue once', () => {
    const vhost = new VhostFixture().exchange('t', 'topic').exchange('d', 'direct');
    vhost.exchange('f', 'fanout').queue('q1', 'q2', 'q3', 'q4');
    vhost.bindExchange('t', 'd', 'a.#').bindExchange('t', 'f', '*.b').bindExchange('d', 'f', 'a.b');
    vhost.bind('t', 'q1', '#').bind('d', 'q2', 'a.b').bind('f', 'q1').bind('f', 'q3');
    vhost.bind('d', 'q4', 'x.b');
    expect(vhost.route('t', 'a.b')).toEqual(['q1', 'q2', 'q3']);
    expect(vhost.route('t', 'x.b')).toEqual(['q1', 'q3']);
    expect(vhost.route('t', 'a.c')).toEqual(['q1']);
    expect(vhost.route('d', 'a.b')).toEqual(['q1', 'q2', 'q3']);
  });

  it('end when they form cycles', () => {
    const vhost = new VhostFixture().exchange('a', 'fanout').exchange('b', 'fanout');
    vhost.exchange('c', 'fanout').queue('qa', 'qb', 'qc');
    vhost
      .bindExchange('a', 'a')
      .bindExchange('a', 'b')
      .bindExchange('b', 'c')
      .bindExchange('c', 'a');
    vhost.bind('a', 'qa').bind('b', 'qb').bind('c', 'qc');
    for (const start of ['a', 'b', 'c']) expect(vhost.route(start, '')).toEqual(['qa', 'qb', 'qc']);
    expect(vhost.route('a', '')).toEqual(['qa', 'qb', 'qc']);
  });

  it('hold a diamond of thousands of paths', () => {
    const vhost = new VhostFixture().queue('q');
    const layers = 30;
    for (let layer = 0; layer < layers; layer += 1) {
      vhost.exchange(`l${layer}`, 'fanout').exchange(`r${layer}`, 'fanout');
    }
    for (let layer = 1; layer < layers; layer += 1) {
      for (const from of ['l', 'r']) {
        for (const to of ['l', 'r']) vhost.bindExchange(`${from}${layer - 1}`, `${to}${layer}`);
      }
    }
    vhost.bind(`l${layers - 1}`, 'q').bind(`r${layers - 1}`, 'q');
    expect(vhost.route('l0', '')).toEqual(['q']);
  });

  it('may lead to a queue and an exchange of one name', () => {
    const vhost = new VhostFixture().exchange('s', 'fanout').exchange('n', 'fanout');
    vhost.queue('n', 'q').bindExchange('s', 'n').bind('s', 'n').bind('n', 'q');
    expect(vhost.route('s', '')).toEqual(['n', 'q']);
    vhost.unbind('s', 'n');
    expect(vhost.route('s', '')).toEqual(['q']);
  });
});

describe('the alternate exchange', () => {
  it('may come from a policy, and go with it', () => {
    const vhost = new VhostFixture().exchange('d', 'direct').exchange('f', 'fanout').queue('q');
    vhost.exchange('e', 'direct', alternate('missing')).bind('f', 'q');
    const definition = { 'alternate-exchange': 'f' };
    const policy = { name: 'p', operatorName: undefined, definition };
    const update = (name: string, by: typeof policy | undefined): void => {
      const exchange = { ...vhost.routes.exchange(name)!, policy: by };
      vhost.routes.apply({ kind: 'exchange-updated', vhost: VHOST, exchange });
    };
    expect(vhost.route('d', 'k')).toEqual([]);
    const { revision } = vhost.routes;
    update('d', policy);
    expect(vhost.route('d', 'k')).toEqual(['q']);
    // By which acceptors know that what they remember of routes is old.
    expect(vhost.routes.revision).toBe(revision + 1);
    update('e', policy);
    expect(vhost.route('e', 'k')).toEqual([]);
    update('d', undefined);
    expect(vhost.route('d', 'k')).toEqual([]);
  });

  it('is used when no binding matches, and only then', () => {
    const vhost = new VhostFixture()
      .exchange('d', 'direct', alternate('f'))
      .exchange('f', 'fanout');
    vhost.queue('q', 'lost').bind('d', 'q', 'k').bind('f', 'lost');
    expect(vhost.route('d', 'k')).toEqual(['q']);
    expect(vhost.route('d', 'other')).toEqual(['lost']);
  });

  it('is followed along a chain, past internal exchanges, with the key as it was', () => {
    const vhost = new VhostFixture().exchange('a', 'direct', alternate('b'));
    vhost.exchange('b', 'topic', alternate('c')).exchange('c', 'direct', { internal: true });
    vhost.queue('qb', 'qc').bind('b', 'qb', 'x.*').bind('c', 'qc', 'y');
    expect(vhost.route('a', 'x.1')).toEqual(['qb']);
    expect(vhost.route('a', 'y')).toEqual(['qc']);
    expect(vhost.route('a', 'z')).toEqual([]);
    expect(vhost.resolution.status).toBe('routed');
  });

  it('may be missing, the exchange itself, or part of a loop', () => {
    const vhost = new VhostFixture().exchange('m', 'direct', alternate('missing'));
    vhost.exchange('s', 'direct', alternate('s'));
    vhost.exchange('a', 'direct', alternate('b')).exchange('b', 'direct', alternate('a'));
    for (const start of ['m', 's', 'a', 'b']) {
      expect([start, vhost.route(start, 'k')]).toEqual([start, []]);
    }
    expect(vhost.resolution.status).toBe('routed');
  });

  it('starts to work when it is declared later', () => {
    const vhost = new VhostFixture().exchange('d', 'direct', alternate('f')).queue('q');
    expect(vhost.route('d', 'k')).toEqual([]);
    vhost.exchange('f', 'fanout').bind('f', 'q');
    expect(vhost.route('d', 'k')).toEqual(['q']);
  });

  it("is each exchange's own matter", () => {
    // A binding to an exchange that leads nowhere is a match, so `d` does not use its alternate,
    // while the exchange it leads to uses its own.
    const vhost = new VhostFixture().exchange('d', 'direct', alternate('lost'));
    vhost.exchange('inner', 'direct', alternate('inner-lost'));
    vhost.exchange('lost', 'fanout').exchange('inner-lost', 'fanout');
    vhost.queue('q1', 'q2').bind('lost', 'q1').bind('inner-lost', 'q2');
    vhost.bindExchange('d', 'inner', 'k');
    expect(vhost.route('d', 'k')).toEqual(['q2']);
    expect(vhost.route('d', 'other')).toEqual(['q1']);
  });

  it('is not used by an exchange whose match was visited before', () => {
    const vhost = new VhostFixture().exchange('a', 'fanout').exchange('lost', 'fanout');
    vhost.exchange('b', 'fanout', alternate('lost')).queue('q', 'unwanted');
    vhost.bindExchange('a', 'b').bindExchange('b', 'a').bind('a', 'q').bind('lost', 'unwanted');
    expect(vhost.route('a', '')).toEqual(['q']);
  });

  it('may be the default exchange', () => {
    const vhost = new VhostFixture().exchange('d', 'direct', alternate('')).queue('q');
    expect(vhost.route('d', 'q')).toEqual(['q']);
    expect(vhost.route('d', 'other')).toEqual([]);
  });

  it('is ignored when its name is not a string', () => {
    const vhost = new VhostFixture().exchange('f', 'fanout').queue('q').bind('f', 'q');
    vhost.exchange('d', 'direct', { arguments: { 'alternate-exchange': 7 } });
    expect(vhost.route('d', 'k')).toEqual([]);
  });
});

describe('several routing keys', () => {
  it('are routed as one message', () => {
    const vhost = new VhostFixture()
      .exchange('d', 'direct', alternate('f'))
      .exchange('f', 'fanout');
    vhost.queue('q1', 'q2', 'lost').bind('d', 'q1', 'a').bind('d', 'q1', 'b').bind('d', 'q2', 'b');
    vhost.bind('f', 'lost');
    expect(vhost.route('d', ['a', 'b'])).toEqual(['q1', 'q2']);
    // One key that matches is enough to keep the message from the alternate exchange.
    expect(vhost.route('d', ['none', 'a'])).toEqual(['q1']);
    expect(vhost.route('d', ['none', 'nil'])).toEqual(['lost']);
    expect(vhost.route('', ['q1', 'q2', 'q1'])).toEqual(['q1', 'q2']);
  });
});

describe('the status of a resolution', () => {
  it('tells missing, internal and unroutable apart, and does not stay', () => {
    const vhost = new VhostFixture().exchange('i', 'fanout', { internal: true }).queue('q');
    vhost.exchange('d', 'direct').bind('i', 'q');
    vhost.route('missing', 'q');
    expect(vhost.resolution).toMatchObject({ status: 'no-exchange', queues: [] });
    expect(vhost.route('i', '')).toEqual(['q']);
    expect(vhost.resolution.status).toBe('internal');
    vhost.route('d', 'k');
    expect(vhost.resolution).toMatchObject({ status: 'routed', queues: [] });
  });
});

describe('a deletion', () => {
  it('of a queue takes its bindings from every exchange', () => {
    const vhost = new VhostFixture().queue('stays');
    const types = ['direct', 'fanout', 'topic', 'headers'];
    for (const type of types) vhost.exchange(type, type);
    const before = contents(structure(types));
    vhost.queue('goes');
    for (const type of types) vhost.bind(type, 'goes', 'a.b').bind(type, 'goes', '#', { k: 1 });
    vhost.deleteQueue('goes');
    expect(contents(vhost.routes)).toEqual(before);
    // A new queue of that name starts without bindings.
    vhost.queue('goes');
    for (const type of types)
      expect([type, vhost.route(type, 'a.b', { k: 1 })]).toEqual([type, []]);
  });

  it('of an exchange takes its bindings on both sides', () => {
    const vhost = new VhostFixture().queue('stays');
    const types = ['direct', 'fanout', 'topic', 'headers'];
    for (const type of types) vhost.exchange(type, type);
    const before = contents(structure(types));
    vhost.exchange('goes', 'topic').bind('goes', 'stays', 'a.*').bindExchange('goes', 'goes', '#');
    for (const type of types) vhost.bindExchange(type, 'goes').bindExchange('goes', type, '*');
    vhost.deleteExchange('goes');
    expect(contents(vhost.routes)).toEqual(before);
    // A new exchange of that name starts without bindings on either side.
    vhost.exchange('goes', 'topic');
    expect(vhost.route('goes', 'a.b')).toEqual([]);
    vhost.bind('goes', 'stays', '#');
    for (const type of types) expect([type, vhost.route(type, '')]).toEqual([type, []]);
  });

  it('of a binding leaves its ends alone', () => {
    const vhost = new VhostFixture().queue('stays').exchange('topic', 'topic');
    const before = contents(structure(['topic']));
    vhost.bind('topic', 'stays', 'a').unbind('topic', 'stays', 'a');
    expect(contents(vhost.routes)).toEqual(before);
  });

  it('of what is not there changes nothing but the revision', () => {
    const vhost = new VhostFixture().queue('stays').exchange('topic', 'topic');
    const before = contents(structure(['topic']));
    vhost.unbind('topic', 'stays', 'never').deleteExchange('never');
    vhost.routes.apply({ kind: 'queue-deleted', vhost: VHOST, queue: queueSpec('stays', 99) });
    expect(contents(vhost.routes)).toEqual(before);
    expect(vhost.routes.revision).toBe(5);
  });

  /** What a vhost with one queue and these exchanges looks like that never saw anything else. */
  function structure(types: readonly string[]): VhostRoutes {
    const vhost = new VhostFixture().queue('stays');
    for (const type of types) vhost.exchange(type, type);
    return vhost.routes;
  }
});

describe('a vhost', () => {
  it('finds what was declared', () => {
    const vhost = new VhostFixture().exchange('d', 'direct').queue('q');
    expect(vhost.routes.name).toBe(VHOST);
    expect(vhost.routes.exchange('d')).toMatchObject({ name: 'd', type: 'direct' });
    expect(vhost.routes.queue('q')).toMatchObject({ name: 'q', id: 1 });
    expect(vhost.routes.queueById(1)).toBe(vhost.routes.queue('q'));
    vhost.deleteQueue('q').deleteExchange('d');
    expect(vhost.routes.exchange('d')).toBeUndefined();
    expect(vhost.routes.queue('q')).toBeUndefined();
    expect(vhost.routes.queueById(1)).toBeUndefined();
    expect(vhost.routes.queue('toString')).toBeUndefined();
  });

  it('counts its revisions', () => {
    const vhost = new VhostFixture();
    expect(vhost.routes.revision).toBe(0);
    vhost.exchange('d', 'direct').queue('q').bind('d', 'q', 'k');
    expect(vhost.routes.revision).toBe(3);
    vhost.route('d', 'k');
    expect(vhost.routes.revision).toBe(3);
  });

  it('throws at changes that do not fit, and keeps what it has', () => {
    const vhost = new VhostFixture().exchange('d', 'direct').queue('q').bind('d', 'q', 'k');
    const before = vhost.routes.revision;
    const { routes } = vhost;
    expect(() => vhost.exchange('d', 'fanout')).toThrow("exchange 'd' exists already");
    expect(() => vhost.queue('q')).toThrow("queue 'q' exists already");
    expect(() => vhost.bind('d', 'q', 'k')).toThrow('exists already');
    expect(() => vhost.bind('nil', 'q', 'k')).toThrow('lacks its source');
    expect(() => vhost.bind('d', 'nil', 'k')).toThrow('lacks its destination');
    const queue = queueSpec('other', 1);
    const declare = () => routes.apply({ kind: 'queue-declared', vhost: VHOST, queue });
    expect(declare).toThrow('queue id 1 exists already');
    expect(() => routes.apply({ kind: 'vhost-deleted', vhost: VHOST })).toThrow('BrokerRoutes');
    expect(routes.revision).toBe(before);
    expect(vhost.route('d', 'k')).toEqual(['q']);
  });

  it('takes up and drops tens of thousands of bindings of one queue', () => {
    const vhost = new VhostFixture().exchange('h', 'headers').exchange('t', 'topic').queue('q');
    const count = 20_000;
    for (let i = 0; i < count; i += 1) {
      vhost.bind('h', 'q', '', { kind: 'x', tenant: i }).bind('t', 'q', `a.${i}.#`);
    }
    expect(vhost.route('h', '', { kind: 'x', tenant: count - 1 })).toEqual(['q']);
    expect(vhost.route('t', `a.${count - 1}.b`)).toEqual(['q']);
    vhost.deleteQueue('q');
    expect(vhost.route('h', '', { kind: 'x', tenant: 7 })).toEqual([]);
    const binding = bindingSpec('h', 'q', '', { kind: 'x', tenant: 7 });
    vhost.queue('q').routes.apply({ kind: 'bound', vhost: VHOST, binding, durable: true });
    expect(vhost.route('h', '', { kind: 'x', tenant: 7 })).toEqual(['q']);
  });
});
