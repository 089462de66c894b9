// Structured logging: a record is plain data with a message and fields, so that worker threads can
// post theirs to main, which is the only writer. Any thread makes records; main formats and writes.
// Invariants: one record is one line except for the stack of an Error; text that came from clients
// cannot forge a line, since control characters are escaped.
import { writeSync } from 'node:fs';

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

type LogValue = string | number | boolean | undefined | Error;
type LogFields = Readonly<Record<string, LogValue>>;

export interface LogRecord {
  readonly timeMillis: number;
  readonly level: LogLevel;
  /** `main`, `acceptor-0`, `shard-1`. */
  readonly thread: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const SEVERITY: Readonly<Record<LogLevel | 'none', number>> = {
  debug: 0,
  info: 1,
  warning: 2,
  error: 3,
  none: 4,
};

const STDERR = 2;

/** A closed or full pipe, a terminal that has been closed, a full disk. */
const UNHEARD: ReadonlySet<string | undefined> = new Set([
  'EPIPE',
  'EAGAIN',
  'EIO',
  'ENOSPC',
  'EDQUOT',
]);

/**
 * A logger for one thread. Records below `level` are dropped here, before they cost anything;
 * `write` gets the others: `writeLogRecord` in main, a post to main in a worker.
 */
export function createLogger(
  thread: string,
  level: LogLevel | 'none',
  write: (record: LogRecord) => void,
): Logger {
  const log = (at: LogLevel) => (message: string, fields?: LogFields) => {
    if (SEVERITY[at] < SEVERITY[level]) return;
    write({ timeMillis: Date.now(), level: at, thread, message, fields });
  };
  return { debug: log('debug'), info: log('info'), warn: log('warning'), error: log('error') };
}

/** Writes one record to standard error at once, so that the last words before a crash are there. */
export function writeLogRecord(record: LogRecord): void {
  try {
    writeSync(STDERR, `${formatLogRecord(record)}\n`);
  } catch (error) {
    // Nobody left to tell, or no room to write it down, must not stop the broker.
    if (!UNHEARD.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}

/** `2026-01-31T12:00:00.000Z warning acceptor-0 message key=value other="two words"` */
export function formatLogRecord({ timeMillis, level, thread, message, fields }: LogRecord): string {
  const time = new Date(timeMillis).toISOString();
  let line = `${time} ${level.padEnd(7)} ${thread} ${escape(message)}`;
  let stacks = '';
  for (const [key, value] of Object.entries(fields ?? {})) {
    if (value === undefined) continue;
    line += ` ${key}=${formatValue(value)}`;
    if (value instanceof Error && value.stack !== undefined) {
      stacks += `\n${value.stack.replace(/^/gmu, '    ')}`;
    }
  }
  return line + stacks;
}

function formatValue(value: Exclude<LogValue, undefined>): string {
  const text = value instanceof Error ? value.message : String(value);
  return /^[^\s"=]+$/u.test(text) ? escape(text) : escape(JSON.stringify(text));
}

/** Control characters, and the Unicode line ends that some viewers obey. */
function escape(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
