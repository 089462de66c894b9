// The banner: everything a newcomer needs, and example lines that reach this very broker.
import { expect, it } from 'vitest';
import { bannerText } from '../../../src/cli/banner.ts';
import { defaultConfig } from '../../../src/config/load-config.ts';

const HTTP = { protocol: 'http', address: { host: '::', port: 15672 } } as const;
const config = defaultConfig({ dataDir: '/srv/data', shards: 3, acceptors: 1 });

it('shows listeners, management, data, threads and durability', () => {
  const listeners = [{ host: '::', port: 5672 }];
  const text = bannerText(config, { listeners, managementListeners: [HTTP], logKind: 'portable' });
  expect(text).toMatch(/^WarrenMQ \d+\.\d+\.\d+, process \d+\n/);
  expect(text).toContain('AMQP 0-9-1  [::]:5672  (every IPv4 and IPv6 address)');
  expect(text).toContain('http://localhost:15672');
  expect(text).toContain('/srv/data');
  expect(text).toContain('1 acceptor, 3 shards');
  expect(text).toContain('Durability  fsync: what is confirmed is on the disk (portable log)');
  expect(text).toMatch(/^ {2}Publish +node examples\/publish\.js$/m);
  expect(text).toMatch(/^ {2}Consume +node examples\/consume\.js$/m);
});

it.each([
  ['write', 'write: what is confirmed survives the process, not a power cut (native log)'],
  ['memory', 'memory: messages do not survive a restart (native log)'],
] as const)('says what is promised with durability %s', (durability, promise) => {
  const broker = { listeners: [], managementListeners: [], logKind: 'native' };
  expect(bannerText({ ...config, durability }, broker)).toContain(promise);
});

it('leaves out a management listener that is off', () => {
  const text = bannerText(config, {
    listeners: [{ host: '::', port: 1 }],
    managementListeners: [],
    logKind: 'portable',
  });
  expect(text).not.toContain('Management');
});

it.each([
  [{ host: '::', port: 5673 }, {}, ' amqp://localhost:5673'],
  [{ host: '127.0.0.1', port: 5672 }, {}, ' amqp://127.0.0.1:5672'],
  [{ host: '::1', port: 5672 }, {}, ' amqp://[::1]:5672'],
  [{ host: '0.0.0.0', port: 5672 }, {}, ''],
  [{ host: '::', port: 5672 }, { defaultVhost: 'a/b' }, ' amqp://localhost:5672/a%2Fb'],
  [
    { host: '::', port: 5672 },
    { defaultUser: 'me@x', defaultPass: 'secret-word' },
    ' amqp://me%40x:PASSWORD@localhost:5672',
  ],
])('gives the examples the address they need: %o %o', (listener, overrides, argument) => {
  const text = bannerText(
    { ...config, ...overrides },
    { listeners: [listener], managementListeners: [], logKind: 'native' },
  );
  expect(text).toContain(`node examples/publish.js${argument}\n`);
  expect(text).not.toContain('secret-word');
});
