// Measuring the disk: at start, every second, one measurement at a time; and what comes of it.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { AcceptorControl } from '../../../src/acceptor/control-messages.ts';
import { AlarmBoard } from '../../../src/supervisor/alarm-board.ts';
import { DiskControl, type FreeSpace, freeSpaceOf } from '../../../src/supervisor/disk-control.ts';

const DIRECTORY = '/srv/data';

/** What two acceptors were told, by resource; and what was logged. */
let told: string[][];
let logged: string[];
let board: AlarmBoard;
let control: DiskControl;

beforeEach(() => {
  vi.useFakeTimers();
  told = [[], []];
  logged = [];
  const acceptors = told.map((heard) => ({
    send: (message: unknown) => {
      const said = message as Extract<AcceptorControl, { kind: 'alarms' }>;
      heard.push(`${said.kind} ${said.alarms.map(({ resource }) => resource).join()}`);
    },
  }));
  board = new AlarmBoard(acceptors, {
    changed: ({ resource }, isSet) => logged.push(`${resource} ${isSet}`),
  });
});
afterEach(() => {
  control.stop();
  vi.useRealTimers();
});

function watchWith(freeSpace: FreeSpace): void {
  control = new DiskControl({ dataDir: DIRECTORY, diskFreeLimitBytes: 1000 }, board, freeSpace);
}

it('is in force before anybody can connect, and goes away by itself', async () => {
  let free = 10;
  const asked: string[] = [];
  watchWith((directory) => {
    asked.push(directory);
    return Promise.resolve(free);
  });
  await control.start();
  expect([asked, told, logged]).toEqual([
    [DIRECTORY],
    [['alarms disk'], ['alarms disk']],
    ['disk true'],
  ]);
  free = 2000;
  await vi.advanceTimersByTimeAsync(1000);
  expect([told[1], logged]).toEqual([
    ['alarms disk', 'alarms '],
    ['disk true', 'disk false'],
  ]);
  control.stop();
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked).toHaveLength(2);
});

it('stands beside the memory alarms', async () => {
  let free = 10;
  watchWith(() => Promise.resolve(free));
  await control.start();
  const memory = { resource: 'memory', vhost: undefined, usedBytes: 9, limitBytes: 9 } as const;
  board.setMemory([memory]);
  free = 2000;
  await vi.advanceTimersByTimeAsync(1000);
  board.setMemory([]);
  expect(told[0]).toEqual(['alarms disk', 'alarms memory,disk', 'alarms memory', 'alarms ']);
});

it('does not pile up questions to a file system that does not answer', async () => {
  const answers: ((free: number) => void)[] = [];
  watchWith(() => new Promise((resolve) => answers.push(resolve)));
  const started = control.start();
  answers[0](5000);
  await started;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(answers).toHaveLength(2);
  answers[1](5);
  await vi.advanceTimersByTimeAsync(1000);
  expect([answers.length, told[0]]).toEqual([3, ['alarms disk']]);
});

it('asks the real system', async () => {
  watchWith(freeSpaceOf);
  expect(await freeSpaceOf('.')).toBeGreaterThan(0);
  expect(await freeSpaceOf('/nowhere/at/all')).toBeUndefined();
});
