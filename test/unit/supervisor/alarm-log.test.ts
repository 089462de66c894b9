// The log of alarms: the first change at once, then how things stand every five seconds, so that
// the last line about a budget is true and a budget that flutters does not fill the log.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { DiskAlarm, MemoryAlarm } from '../../../src/acceptor/control-messages.ts';
import { AlarmLog } from '../../../src/supervisor/alarm-log.ts';

let lines: string[];
let log: AlarmLog;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  log = new AlarmLog({
    warn: (message, fields = {}) => {
      const { vhost, used, free, limit, key, logsWithoutRoom, changes } = fields;
      const figures = [vhost, used ?? free, limit, key, changes ?? logsWithoutRoom];
      lines.push([message.split(':')[0], ...figures].join(' '));
    },
  });
});
afterEach(() => vi.useRealTimers());

const said = (): string[] => lines.splice(0);
const alarm = (usedBytes: number, vhost?: string): MemoryAlarm => ({
  resource: 'memory',
  vhost,
  usedBytes,
  limitBytes: 1536,
});

it('says at once what has changed, for each budget by itself', () => {
  log.changed(alarm(2048), true);
  log.changed(alarm(2_000_000, 'v'), true);
  expect(said()).toEqual([
    'memory alarm set  2 KiB 1.5 KiB vm_memory_high_watermark ',
    'memory alarm set v 1.91 MiB 1.5 KiB memory.vhost_budget ',
  ]);
  vi.advanceTimersByTime(60_000);
  expect(said()).toEqual([]);
  log.changed(alarm(10), false);
  expect(said()).toEqual(['memory alarm cleared  10 bytes 1.5 KiB vm_memory_high_watermark ']);
});

it('says what is free of the disk, and which logs have no room', () => {
  const disk: DiskAlarm = {
    resource: 'disk',
    vhost: undefined,
    freeBytes: 1024,
    limitBytes: 2048,
    shortLogs: [],
  };
  log.changed(alarm(2048), true);
  log.changed(disk, true);
  expect(said()).toEqual([
    'memory alarm set  2 KiB 1.5 KiB vm_memory_high_watermark ',
    'disk alarm set  1 KiB 2 KiB disk_free_limit.absolute ',
  ]);
  vi.advanceTimersByTime(5000);
  log.changed({ ...disk, freeBytes: undefined, shortLogs: ['shard 0', 'shard 2'] }, true);
  expect(said()).toEqual(['disk alarm set   2 KiB disk_free_limit.absolute shard 0, shard 2']);
});

it('gathers changes that follow quickly, and ends with the last of them', () => {
  log.changed(alarm(2048), true);
  said();
  for (let i = 0; i < 10; i += 1) {
    log.changed(alarm(10), false);
    log.changed(alarm(20), true);
  }
  log.changed(alarm(30), false);
  vi.advanceTimersByTime(4999);
  expect(said()).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(said()).toEqual(['memory alarm cleared  30 bytes 1.5 KiB vm_memory_high_watermark 21']);
  log.changed(alarm(40), true);
  expect(said()).toEqual([]);
  vi.advanceTimersByTime(5000);
  expect(said()).toEqual(['memory alarm set  40 bytes 1.5 KiB vm_memory_high_watermark 1']);
  vi.advanceTimersByTime(60_000);
  expect(said()).toEqual([]);
});
