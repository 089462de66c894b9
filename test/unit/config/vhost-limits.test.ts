// default_limits.vhosts: entries gathered by name, in RabbitMQ's order, and which of them a virtual
// host falls under.
import { describe, expect, it } from 'vitest';
import { printConfig } from '../../../src/config/print-config.ts';
import { limitsOfVhost } from '../../../src/config/vhost-limits.ts';
import { load } from './load.ts';

const file = [
  'default_limits.vhosts.2.max_queues = 7',
  'default_limits.vhosts.1.pattern = ^test-',
  'default_limits.vhosts.1.max_connections = 10',
  'default_limits.vhosts.1.max_queues = -1',
].join('\n');

const gathered = [
  { name: '1', pattern: '^test-', connectionsMax: 10, queuesMax: 0 },
  { name: '2', pattern: '.*', connectionsMax: 0, queuesMax: 7 },
];

describe('default_limits.vhosts', () => {
  it('gathers the keys of each name, in alphabetical order', () => {
    expect(load({ file }).config.vhostLimits).toEqual(gathered);
  });

  it('is printed so that it loads again', () => {
    const printed = printConfig(load({ file }));
    expect(load({ file: printed }).config.vhostLimits).toEqual(gathered);
    expect(load({ file: printConfig(load({})) }).config.vhostLimits).toEqual([]);
  });

  it('can be added to and emptied by a stronger layer', () => {
    const env = { WARRENMQ_DEFAULT_LIMITS_VHOSTS_1_MAX_CONNECTIONS: '11' };
    expect(load({ file, env }).config.vhostLimits[0].connectionsMax).toBe(11);
    const set = ['default_limits.vhosts=none'];
    expect(load({ file, args: { set } }).config.vhostLimits).toEqual([]);
  });

  it.each([
    ['test-a', 10, 0],
    ['a-test-', 0, 7],
    ['/', 0, 7],
  ])('binds %s by the first pattern that matches', (vhost, connectionsMax, queuesMax) => {
    expect(limitsOfVhost(gathered, vhost)).toMatchObject({ connectionsMax, queuesMax });
  });

  it('binds nothing that no pattern matches', () => {
    expect(limitsOfVhost(gathered.slice(0, 1), '/')).toEqual({ connectionsMax: 0, queuesMax: 0 });
  });
});
