// The logger: levels, the form of a line, and that text from clients cannot forge one.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createLogger, formatLogRecord, type LogRecord } from '../../../src/base/logger.ts';

function record(overrides: Partial<LogRecord> = {}): LogRecord {
  return {
    timeMillis: Date.UTC(2026, 0, 31, 12),
    level: 'info',
    thread: 'main',
    message: 'started',
    fields: undefined,
    ...overrides,
  };
}

describe('a line', () => {
  it('has time, level, thread, message and fields', () => {
    const fields = { port: 5672, name: 'two words', tls: false, none: undefined, empty: '' };
    expect(formatLogRecord(record({ level: 'warning', thread: 'shard-1', fields }))).toBe(
      '2026-01-31T12:00:00.000Z warning shard-1 started port=5672 name="two words" tls=false empty=""',
    );
  });

  it('stays one line whatever a client sent', () => {
    const evil = 'x\n2026-01-31T12:00:00.000Z error main forged\r\u001b[2J\u2028';
    const line = formatLogRecord(record({ message: evil, fields: { queue: evil } }));
    expect(line).not.toMatch(/[\p{Cc}\u2028]/u);
    expect(line).toContain('x\\u000a2026');
  });

  it('quotes a value that could be read as two fields', () => {
    expect(formatLogRecord(record({ fields: { a: 'b=c', d: 'e"f' } }))).toMatch(
      /a="b=c" d="e\\"f"$/,
    );
  });

  it('shows the stack of an error below it, indented', () => {
    const error = new Error('no space left');
    const [first, ...rest] = formatLogRecord(record({ fields: { error } })).split('\n');
    expect(first).toMatch(/started error="no space left"$/);
    expect(rest[0]).toBe('    Error: no space left');
    expect(rest.every((line) => line.startsWith('    '))).toBe(true);
  });
});

describe('levels', () => {
  it.each([
    ['debug', 'debug info warning error'],
    ['info', 'info warning error'],
    ['warning', 'warning error'],
    ['error', 'error'],
    ['none', ''],
  ] as const)('%s lets through: %s', (level, expected) => {
    const written: LogRecord[] = [];
    const log = createLogger('acceptor-0', level, (each) => written.push(each));
    log.debug('m');
    log.info('m');
    log.warn('m');
    log.error('m', { key: 1 });
    expect(written.map((each) => each.level).join(' ')).toBe(expected);
    expect(structuredClone(written)).toEqual(written);
  });
});

// The file that takes no byte; not every system has it.
describe.skipIf(!existsSync('/dev/full'))('a full disk below the log', () => {
  it('does not end the process', () => {
    const full = openSync('/dev/full', 'w');
    const module = new URL('../../../src/base/logger.ts', import.meta.url).href;
    const code = `
      import { createLogger, writeLogRecord } from ${JSON.stringify(module)};
      createLogger('main', 'info', writeLogRecord).info('unheard');
      console.log('goes on');`;
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', full],
      encoding: 'utf8',
    });
    closeSync(full);
    expect(stdout).toBe('goes on\n');
    expect(status).toBe(0);
  });
});
