// The printed configuration: names each value's source, loads again to the same, hides secrets.
import { expect, it } from 'vitest';
import { printConfig } from '../../../src/config/print-config.ts';
import { schema } from '../../../src/config/schema.ts';
import { load } from './load.ts';

const given = {
  file: [
    'listeners.tcp.1 = 127.0.0.1:1',
    'listeners.tcp.2 = [::1]:1',
    "default_vhost = 'a#b'",
    'loopback_users.admin = true',
    'max_message_size = 12345',
    'vm_memory_high_watermark.absolute = 2GiB',
    'cluster_name =  two words',
  ].join('\n'),
  env: { WARRENMQ_HEARTBEAT: '7' },
  args: { managementPort: 'none', set: ['default_pass=secret-word'] },
};

it('can be loaded again and means the same', () => {
  const first = load(given);
  const second = load({ file: printConfig(first), args: { set: ['default_pass=secret-word'] } });
  expect(second.config).toEqual(first.config);
  expect(second.warnings).toEqual([]);
});

it('names every key with its source and hides the password', () => {
  const text = printConfig(load(given));
  for (const { key } of schema) expect(text).toContain(key);
  expect(text).toMatch(/^heartbeat = 7 +# environment WARRENMQ_HEARTBEAT$/m);
  expect(text).toMatch(/^listeners\.tcp\.2 = \[::1\]:1 +# w\.conf:1, w\.conf:2$/m);
  expect(text).toMatch(/^frame_max = 128KiB +# default$/m);
  expect(text).toMatch(/^management\.tcp\.port = none +# flag --management-port$/m);
  expect(text).toMatch(/^# default_pass = \(not shown\) +# flag --set$/m);
  expect(text).not.toContain('secret-word');
});

it('prints none when no loopback user is left', () => {
  const text = printConfig(load({ file: 'loopback_users.guest = false' }));
  expect(text).toMatch(/^loopback_users = none +# w\.conf:1$/m);
});

it('leaves out as a comment what the syntax cannot hold', () => {
  const text = printConfig(load({ env: { RABBITMQ_DEFAULT_VHOST: "it's #1" } }));
  expect(text).toContain("# default_vhost = it's #1");
});
