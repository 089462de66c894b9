// x-random, x-local-random, and the exchanges that keep messages for themselves: x-recent-history,
// x-delayed-message, and any that a policy delays.
import { describe, expect, it } from 'vitest';
import { Double, type FieldTable, LongString } from '../../../src/protocol/field-table.ts';
import { delayMillisOf } from '../../../src/routing/message-delay.ts';
import { exchangeSpec, VHOST, VhostFixture } from './vhost-fixture.ts';

const MESSAGES = 6000;
const TEN_YEARS = 315_360_000_000;

function counts(vhost: VhostFixture): Record<string, number> {
  const found: Record<string, number> = {};
  for (let message = 0; message < MESSAGES; message += 1) {
    const names = vhost.route('x', ['k', 'cc', 'bcc']);
    expect(names).toHaveLength(1);
    found[names[0]] = (found[names[0]] ?? 0) + 1;
  }
  return found;
}

describe.each(['x-random', 'x-local-random'])('%s', (type) => {
  it('gives each message to one binding, and never remembers which', () => {
    const vhost = new VhostFixture().exchange('x', type).queue('a', 'b', 'c');
    expect(vhost.route('x', 'k')).toEqual([]);
    expect(vhost.resolution.isCacheable).toBe(false);
    vhost.bind('x', 'a').bind('x', 'b').bind('x', 'c').bind('x', 'c', '', { again: true });
    const found = counts(vhost);
    expect(Object.keys(found).toSorted()).toEqual(['a', 'b', 'c']);
    // More than ten standard deviations.
    expect(Math.abs(found['a'] - MESSAGES / 4)).toBeLessThan(400);
    expect(Math.abs(found['c'] - MESSAGES / 2)).toBeLessThan(400);
    vhost.unbind('x', 'a').deleteQueue('c');
    expect(counts(vhost)).toEqual({ b: MESSAGES });
    vhost.deleteQueue('b');
    expect(vhost.route('x', 'k')).toEqual([]);
  });
});

describe('x-recent-history', () => {
  const withHistory = () =>
    new VhostFixture()
      .exchange('x', 'x-recent-history', { arguments: { 'alternate-exchange': 'ae' } })
      .companion('history', 'x')
      .exchange('ae', 'fanout')
      .queue('q', 'unrouted')
      .bind('ae', 'unrouted');

  it('gives a message to all bindings and to its history', () => {
    const vhost = withHistory().bind('x', 'q', 'whatever');
    expect(vhost.route('x', 'k')).toEqual(['amq.recent-history.x', 'q']);
    expect(vhost.resolution.isCacheable).toBe(false);
  });

  it('leaves out of the history what shall not be stored', () => {
    const vhost = withHistory().bind('x', 'q');
    const routed = (value: FieldTable[string]) =>
      vhost.route('x', 'k', { 'x-recent-history-no-store': value });
    expect(routed(true)).toEqual(['q']);
    for (const value of [false, 'true', 1]) expect(routed(value)).toHaveLength(2);
  });

  it('is no match by its history alone: the alternate exchange gets the message too', () => {
    expect(withHistory().route('x', 'k')).toEqual(['amq.recent-history.x', 'unrouted']);
  });

  it('routes without a history as well', () => {
    const vhost = new VhostFixture().exchange('x', 'x-recent-history').queue('q').bind('x', 'q');
    expect(vhost.route('x', 'k')).toEqual(['q']);
  });
});

describe('a companion queue', () => {
  it('cannot be reached through the default exchange', () => {
    const vhost = new VhostFixture().companion('history', 'x').companion('delay', 'x');
    expect(vhost.route('', 'amq.recent-history.x')).toEqual([]);
    expect(vhost.route('', 'amq.delayed.x')).toEqual([]);
    expect(vhost.routes.queue('amq.delayed.x')).toMatchObject({
      companion: { exchange: 'x', role: 'delay' },
    });
  });
});

describe('x-delayed-message', () => {
  const delayed = (type: string) =>
    new VhostFixture()
      .exchange('x', 'x-delayed-message', {
        arguments: { 'x-delayed-type': type, 'alternate-exchange': 'ae' },
      })
      .companion('delay', 'x')
      .exchange('ae', 'fanout')
      .queue('q', 'r', 'unrouted')
      .bind('ae', 'unrouted');

  it('keeps what has a delay, and routes the rest as its type does', () => {
    const vhost = delayed('topic').bind('x', 'q', 'a.*').bind('x', 'r', '#');
    expect(vhost.route('x', 'a.b')).toEqual(['q', 'r']);
    expect(vhost.resolution.isCacheable).toBe(false);
    expect(vhost.route('x', 'b', { 'x-delay': 0 })).toEqual(['r']);
    expect(vhost.route('x', 'a.b', { 'x-delay': -5 })).toEqual(['q', 'r']);
    expect(vhost.route('x', ['a.b', 'c'], { 'x-delay': 5 })).toEqual(['amq.delayed.x']);
  });

  it('keeps what may find no queue when its time has come', () => {
    const vhost = delayed('direct');
    expect(vhost.route('x', 'k', { 'x-delay': 5 })).toEqual(['amq.delayed.x']);
    expect(vhost.route('x', 'k')).toEqual(['unrouted']);
  });

  it('is refused when the type that it delays is gone', () => {
    const vhost = delayed('x-of-a-plugin').bind('x', 'q');
    expect(vhost.route('x', 'k', { 'x-delay': 5 })).toEqual(['unrouted']);
    expect(vhost.resolution.status).toBe('no-type');
  });
});

describe('the policy key delayed-message', () => {
  const policy = (value: boolean) => ({
    name: 'p',
    operatorName: undefined,
    definition: { 'delayed-message': value },
  });
  const update = (vhost: VhostFixture, value: boolean) => {
    const exchange = { ...exchangeSpec('x', 'direct'), policy: policy(value) };
    vhost.routes.apply({ kind: 'exchange-updated', vhost: VHOST, exchange });
  };

  it('delays the messages of any exchange while it is in force', () => {
    const vhost = new VhostFixture().exchange('x', 'direct').queue('q').bind('x', 'q', 'k');
    vhost.companion('delay', 'x');
    const headers = { 'x-delay': 1000 };
    expect(vhost.route('x', 'k', headers)).toEqual(['q']);
    update(vhost, true);
    expect(vhost.route('x', 'k', headers)).toEqual(['amq.delayed.x']);
    expect(vhost.route('x', 'k')).toEqual(['q']);
    expect(vhost.resolution.isCacheable).toBe(false);
    vhost.queue('r').bind('x', 'r', 'k').unbind('x', 'q', 'k');
    update(vhost, false);
    expect(vhost.route('x', 'k', headers)).toEqual(['r']);
    expect(vhost.resolution.isCacheable).toBe(true);
  });
});

describe('the delay of a message', () => {
  it.each<[FieldTable | undefined, number]>([
    [undefined, 0],
    [{}, 0],
    [{ 'x-delay': 1 }, 1],
    [{ 'x-delay': 5_000_000_000 }, 5_000_000_000],
    [{ 'x-delay': 7n }, 7],
    [{ 'x-delay': '250' }, 250],
    [{ 'x-delay': new Double(2.9) }, 2],
    [{ 'x-delay': new Double(Number.NaN) }, 0],
    [{ 'x-delay': 0 }, 0],
    [{ 'x-delay': -3 }, 0],
    [{ 'x-delay': '1.5' }, 0],
    [{ 'x-delay': 'soon' }, 0],
    [{ 'x-delay': '' }, 0],
    [{ 'x-delay': true }, 0],
    [{ 'x-delay': null }, 0],
    [{ 'x-delay': new LongString(new Uint8Array([0xff])) }, 0],
    [{ 'x-delay': TEN_YEARS + 1 }, TEN_YEARS],
    [{ 'x-delay': 2n ** 62n }, TEN_YEARS],
  ])('in %o is %i', (headers, expected) => {
    expect(delayMillisOf(headers)).toBe(expected);
  });
});
