// Measuring the disk: at start, every second, one measurement at a time; and what comes of it.
import { statfsSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { AcceptorControl } from '../../../src/acceptor/control-messages.ts';
import { AlarmBoard } from '../../../src/supervisor/alarm-board.ts';
import { DiskControl, type FreeSpace, freeSpaceOf } from '../../../src/supervisor/disk-control.ts';

const DIRECTORY = '/srv/data';

/** What two acceptors were told, by resource; what a shard was told; and what was logged. */
let told: string[][];
let toldShard: unknown[];
let logged: string[];
let board: AlarmBoard;
let control: DiskControl;

beforeEach(() => {
  vi.useFakeTimers();
  told = [[], []];
  toldShard = [];
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

function watchWith(freeSpace: FreeSpace, dataDir = DIRECTORY): void {
  const config = { dataDir, diskFreeLimitBytes: 1000 };
  const shards = [{ send: (message: unknown) => toldShard.push(message) }];
  control = new DiskControl(config, shards, board, freeSpace);
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

it('is told to the shards, one of which may hold what is dead, whatever it is about', async () => {
  let free = 10;
  watchWith(() => Promise.resolve(free));
  await control.start();
  expect(toldShard).toEqual([{ kind: 'disk-alarm', isSet: true }]);
  free = 2000;
  await vi.advanceTimersByTimeAsync(1000);
  expect(toldShard.slice(1)).toEqual([{ kind: 'disk-alarm', isSet: false }]);
  control.logIsShort('shard 1', true);
  control.logIsShort('shard 1', false);
  expect(toldShard.slice(2)).toEqual([
    { kind: 'disk-alarm', isSet: true },
    { kind: 'disk-alarm', isSet: false },
  ]);
});

it('has the figure of now when a log has no room', async () => {
  const answers: ((free: number) => void)[] = [];
  watchWith(() => new Promise((resolve) => answers.push(resolve)), '.');
  const started = control.start();
  answers[0](5000);
  await started;
  const { bavail, bsize } = statfsSync('.');
  control.logIsShort('shard 1', true);
  const { alarm } = control.watch;
  expect([alarm?.shortLogs, answers.length]).toEqual([['shard 1'], 1]);
  expect((alarm?.freeBytes ?? 0) / (bavail * bsize)).toBeCloseTo(1, 1);
});

it('keeps the figure of the last measurement where there is no other', async () => {
  watchWith(() => Promise.resolve(5000));
  await control.start();
  control.logIsShort('shard 1', true);
  expect(control.watch.alarm?.freeBytes).toBe(5000);
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
