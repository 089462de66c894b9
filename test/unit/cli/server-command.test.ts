// `warrenmq server` with a broker that only pretends: exit codes, what is printed, and the end.
import { describe, expect, it } from 'vitest';
import { DataDirectoryError } from '../../../src/base/data-directory.ts';
import { type BrokerModule, runServer } from '../../../src/cli/server-command.ts';
import type { BrokerConfig } from '../../../src/config/broker-config.ts';
import { fakeTerminal } from './fake-terminal.ts';

interface FakeBroker extends BrokerModule {
  config: BrokerConfig | undefined;
  readonly stops: string[];
  reloads: number;
  fail(error: Error): void;
}

function fakeBroker(start: () => void = () => {}, stop: () => void = () => {}): FakeBroker {
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<Error>((resolve) => {
    fail = resolve;
  });
  const broker: FakeBroker = {
    config: undefined,
    stops: [],
    reloads: 0,
    fail: (error) => fail(error),
    startBroker: async (config) => {
      broker.config = config;
      start();
      return {
        listeners: [{ host: '::', port: 5672 }],
        managementListeners: [],
        logKind: 'portable',
        failed,
        reloadCertificates: () => {
          broker.reloads += 1;
          return [];
        },
        stop: async (reason: string) => {
          broker.stops.push(reason);
          stop();
        },
      };
    },
  };
  return broker;
}

const quiet = ['log.level=none'];

describe('a configuration that is wrong', () => {
  it('ends with 78, all problems, and no broker loaded', async () => {
    const terminal = fakeTerminal();
    const code = await runServer({ set: ['a=b', 'heartbeat=x'] }, terminal, () => {
      throw new Error('the broker was loaded');
    });
    expect(code).toBe(78);
    expect(terminal.said.error).toMatch(
      /^The configuration has 2 problems:\n {2}flag --set: unknown/,
    );
    expect(terminal.said.error).toContain('heartbeat must be');
    expect(terminal.said.out).toBe('');
  });
});

describe('--print-config', () => {
  it('prints and ends with 0, warnings apart, and no broker loaded', async () => {
    const terminal = fakeTerminal({ env: { WARRENMQ_X: '1' } });
    const code = await runServer({ printConfig: true, port: '1' }, terminal, () => {
      throw new Error('the broker was loaded');
    });
    expect(code).toBe(0);
    expect(terminal.said.out).toMatch(/^listeners\.tcp\.1 = \[::\]:1 +# flag --port\n/);
    expect(terminal.said.error).toBe(
      'warning: environment WARRENMQ_X is not a setting and is ignored\n',
    );
  });
});

describe('a broker that starts', () => {
  it('gets the configuration, and is announced', async () => {
    const terminal = fakeTerminal();
    const broker = fakeBroker();
    const end = runServer({ shards: '3', set: quiet }, terminal, async () => broker);
    await expect
      .poll(() => terminal.said.out, { timeout: 15_000 })
      .toContain('node examples/publish.js');
    expect(broker.config).toMatchObject({ shards: 3, dataDir: '/srv/data' });
    terminal.send('SIGTERM');
    expect(await end).toBe(0);
  });

  it.each(['SIGINT', 'SIGTERM', 'launcher gone'] as const)(
    'is stopped by %s, and the process ends with 0',
    async (reason) => {
      const terminal = fakeTerminal();
      const broker = fakeBroker();
      const end = runServer({ set: quiet }, terminal, async () => broker);
      terminal.send(reason);
      expect(await end).toBe(0);
      expect(broker.stops).toEqual([reason]);
      expect(terminal.exits).toEqual([]);
      expect(terminal.said.out).toMatch(/Stopped\.\n$/);
    },
  );

  it('goes on at SIGHUP, while it starts and later, and reads its certificates again', async () => {
    const terminal = fakeTerminal();
    const broker = fakeBroker();
    const end = runServer({ set: quiet }, terminal, async () => {
      terminal.hangUp();
      return broker;
    });
    await expect.poll(() => terminal.said.out, { timeout: 15_000 }).toContain('examples/publish');
    expect(broker.reloads).toBe(0);
    terminal.hangUp();
    terminal.hangUp();
    expect(broker.reloads).toBe(2);
    expect(broker.stops).toEqual([]);
    terminal.send('SIGTERM');
    expect(await end).toBe(0);
    expect(terminal.exits).toEqual([]);
  });

  it('ends with 1 when it fails, with the reason', async () => {
    const terminal = fakeTerminal();
    const broker = fakeBroker();
    const end = runServer({ set: quiet }, terminal, async () => broker);
    broker.fail(new Error('shard 1 is gone'));
    expect(await end).toBe(1);
    expect(terminal.said.error).toContain('shard 1 is gone');
    expect(broker.stops).toEqual([]);
  });

  it('ends with 1 when it cannot stop in order', async () => {
    const terminal = fakeTerminal();
    const broker = fakeBroker(undefined, () => {
      throw new Error('the log is stuck');
    });
    const end = runServer({ set: quiet }, terminal, async () => broker);
    terminal.send('SIGINT');
    expect(await end).toBe(1);
    expect(terminal.said.error).toContain('the log is stuck');
  });
});

describe('a broker that does not start', () => {
  const listenError = (code: string) =>
    Object.assign(new Error(code), { code, address: '::', port: 5672 });

  it.each([
    [listenError('EADDRINUSE'), 'Port 5672 on :: is already in use'],
    [listenError('EACCES'), 'ports below 1024 need a privilege'],
    [listenError('EADDRNOTAVAIL'), 'this machine does not have that address'],
    [new DataDirectoryError('The data directory /x is in use'), 'The data directory /x is in use'],
  ])('ends with 1 and tells what to do: %s', async (error, text) => {
    const terminal = fakeTerminal();
    const broker = fakeBroker(() => {
      throw error;
    });
    expect(await runServer({ set: quiet }, terminal, async () => broker)).toBe(1);
    expect(terminal.said.error).toContain(text);
    // A known failure is told in sentences: no stack.
    expect(terminal.said.error).not.toMatch(/\n {4}at /);
    expect(terminal.said.out).toBe('');
  });

  it('shows the stack of an error that nobody expected', async () => {
    const terminal = fakeTerminal();
    const broker = fakeBroker(() => {
      throw new TypeError('x is not a function');
    });
    expect(await runServer({ set: quiet }, terminal, async () => broker)).toBe(1);
    expect(terminal.said.error).toMatch(/could not start: TypeError: x is not a function\n {4}at /);
  });
});
