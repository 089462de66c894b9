// The log of memory alarms: the first change at once, then how things stand every five seconds, so that
// the last line about a budget is true and a budget that flutters does not fill the log.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AlarmLog } from '../../../src/supervisor/alarm-log.ts';

let lines: string[];
let log: AlarmLog;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  log = new AlarmLog({
    warn: (message, fields = {}) => {
      const { vhost, used, limit, key, changes } = fields;
      lines.push([message.split(':')[0], vhost, used, limit, key, changes].join(' '));
    },
  });
});
afterEach(() => vi.useRealTimers());

const said = (): string[] => lines.splice(0);
const alarm = (vhost?: string) => ({ vhost, usedBytes: 1000, limitBytes: 1536 });

it('says at once what has changed, for each budget by itself', () => {
  log.changed(alarm(), true, 2048);
  log.changed(alarm('v'), true, 2_000_000);
  expect(said()).toEqual([
    'memory alarm set  2 KiB 1.5 KiB vm_memory_high_watermark ',
    'memory alarm set v 1.91 MiB 1.5 KiB memory.vhost_budget ',
  ]);
  vi.advanceTimersByTime(60_000);
  expect(said()).toEqual([]);
  log.changed(alarm(), false, 10);
  expect(said()).toEqual(['memory alarm cleared  10 bytes 1.5 KiB vm_memory_high_watermark ']);
});

it('gathers changes that follow quickly, and ends with the last of them', () => {
  log.changed(alarm(), true, 2048);
  said();
  for (let i = 0; i < 10; i += 1) {
    log.changed(alarm(), false, 10);
    log.changed(alarm(), true, 20);
  }
  log.changed(alarm(), false, 30);
  vi.advanceTimersByTime(4999);
  expect(said()).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(said()).toEqual(['memory alarm cleared  30 bytes 1.5 KiB vm_memory_high_watermark 21']);
  log.changed(alarm(), true, 40);
  expect(said()).toEqual([]);
  vi.advanceTimersByTime(5000);
  expect(said()).toEqual(['memory alarm set  40 bytes 1.5 KiB vm_memory_high_watermark 1']);
  vi.advanceTimersByTime(60_000);
  expect(said()).toEqual([]);
});
