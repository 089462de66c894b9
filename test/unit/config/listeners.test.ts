// Listener addresses: how they are written, how the sources combine, which ones conflict.
import { describe, expect, it } from 'vitest';
import { overlaps, parseListener } from '../../../src/config/listeners.ts';
import { load, problemsOf } from './load.ts';

describe('an address', () => {
  it.each([
    ['5672', '::', 5672],
    ['0', '::', 0],
    ['127.0.0.1:5672', '127.0.0.1', 5672],
    ['[::1]:5672', '::1', 5672],
    ['::1:5672', '::1', 5672],
    [':::5672', '::', 5672],
    ['0.0.0.0:1', '0.0.0.0', 1],
    ['broker-1.example:5672', 'broker-1.example', 5672],
  ])('%s is %s port %i', (text, host, port) => {
    expect(parseListener(text)).toEqual({ host, port });
  });

  it.each([
    '',
    'x',
    '65536',
    '-1',
    '1.5',
    '127.0.0.1',
    '127.0.0.1:65536',
    '127.0.0.300:1',
    '[x]:1',
    'a b:1',
    ':5672',
  ])('%j is refused', (text) => {
    expect(parseListener(text)).toBeUndefined();
  });
});

describe('the sources', () => {
  const file = 'listeners.tcp.1 = 127.0.0.1:5672\nlisteners.tcp.2 = [::1]:5672';
  const listeners = (given: Parameters<typeof load>[0]) =>
    load(given).config.listeners.map(({ host, port }) => `${host} ${port}`);

  it('replace the default', () => {
    expect(listeners({ file })).toEqual(['127.0.0.1 5672', '::1 5672']);
    expect(listeners({ file: 'listeners.tcp.default = 5673' })).toEqual([':: 5673']);
    expect(listeners({ env: { WARRENMQ_LISTENERS_TCP_DEFAULT: '5673' } })).toEqual([':: 5673']);
  });

  it('replace the list of a weaker source as a whole', () => {
    expect(listeners({ file, args: { set: ['listeners.tcp.x=5673'] } })).toEqual([':: 5673']);
  });

  it('change only the port with --port: no host is opened that was not asked for', () => {
    expect(listeners({ file, args: { port: '5673' } })).toEqual(['127.0.0.1 5673', '::1 5673']);
    expect(load({ file, args: { port: '5673' } }).sources.get('listeners.tcp')).toBe(
      'w.conf:1, w.conf:2, flag --port',
    );
  });

  it('change only the host with --host', () => {
    expect(listeners({ file, args: { host: '10.0.0.1' } })).toEqual(['10.0.0.1 5672']);
    expect(listeners({ args: { host: '[::1]', port: '1' } })).toEqual(['::1 1']);
  });

  it('take the variables of RabbitMQ', () => {
    const env = { RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1', RABBITMQ_NODE_PORT: '5700' };
    expect(listeners({ env })).toEqual(['127.0.0.1 5700']);
    expect(listeners({ env, args: { port: '5701' } })).toEqual(['127.0.0.1 5701']);
  });

  it('make one dual-stack listener of the usual pair', () => {
    const pair = 'listeners.tcp.1 = 0.0.0.0:5672\nlisteners.tcp.2 = :::5672';
    expect(listeners({ file: pair })).toEqual([':: 5672']);
  });

  it('may not name listeners and a bare port in one place', () => {
    const args = { port: '1', set: ['listeners.tcp.default=2'] };
    expect(problemsOf({ args })).toEqual(['flag --port and flag --set both set the listeners']);
  });

  it('must leave a listener', () => {
    expect(problemsOf({ file: 'listeners.tcp = none' })).toEqual([
      'w.conf:1: no listener is left (listeners.tcp, listeners.ssl)',
    ]);
    expect(problemsOf({ file: 'listeners.tcp = none\nlisteners.tcp.1 = 5672' })).toEqual([
      'w.conf:1: listeners.tcp = none excludes listeners.tcp.1',
    ]);
  });
});

describe('conflicts', () => {
  it.each([
    [':: 1', '127.0.0.1 1', true],
    ['0.0.0.0 1', '127.0.0.1 1', true],
    ['0.0.0.0 1', '::1 1', false],
    ['127.0.0.1 1', '::1 1', false],
    ['127.0.0.1 1', '127.0.0.1 1', true],
    ['127.0.0.1 1', '127.0.0.1 2', false],
    [':: 0', ':: 0', false],
  ])('%s and %s: %s', (one, other, expected) => {
    const address = (text: string) => {
      const [host, port] = text.split(' ');
      return { host: host, port: Number(port) };
    };
    expect(overlaps(address(one), address(other))).toBe(expected);
    expect(overlaps(address(other), address(one))).toBe(expected);
  });

  it('are refused, with both places', () => {
    const file = 'listeners.tcp.1 = 127.0.0.1:5672\nlisteners.tcp.2 = 127.0.0.1:5672';
    expect(problemsOf({ file })).toEqual([
      'listeners.tcp (w.conf:1, w.conf:2) and listeners.tcp (w.conf:1, w.conf:2) both listen on port 5672: 127.0.0.1:5672 and 127.0.0.1:5672',
    ]);
    expect(problemsOf({ file: 'management.tcp.port = 5672' })).toEqual([
      'listeners.tcp (default) and management.tcp.port (w.conf:1) both listen on port 5672: [::]:5672 and [::]:5672',
    ]);
  });

  it('do not exist with a management listener that is off', () => {
    const { config } = load({ file: 'management.tcp.port = none\nlisteners.tcp.1 = 15672' });
    expect(config.managementPort).toBeUndefined();
  });
});
