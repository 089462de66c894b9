// What a command of warrenmqctl is, and what it gets to work with. Runs in main. Verbs are grouped
// by what they are about, one file each.
import type { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import type { ApiClient, Row } from './api-client.ts';
import { CtlError, EXIT_CODES } from './ctl-error.ts';
import { type Column, formatRows, type Formatter } from './output.ts';

export interface CtlFlags {
  readonly quiet?: boolean;
  readonly silent?: boolean;
  readonly vhost: string;
  /** False after --no-table-headers. */
  readonly tableHeaders: boolean;
  readonly formatter: Formatter;
  /** Seconds. */
  readonly timeout: string;
}

export class CtlContext {
  readonly api: ApiClient;
  readonly terminal: Terminal;
  readonly vhost: string;
  readonly formatter: Formatter;
  private readonly flags: CtlFlags;

  constructor(api: ApiClient, terminal: Terminal, flags: CtlFlags) {
    this.api = api;
    this.terminal = terminal;
    this.vhost = flags.vhost;
    this.formatter = flags.formatter;
    this.flags = flags;
  }

  get timeoutText(): string {
    const seconds = Number(this.flags.timeout);
    return Number.isInteger(seconds) ? `${seconds}.0` : String(seconds);
  }

  /** Says what is being done, unless nobody wants to know. */
  banner(text: string): void {
    const { quiet, silent } = this.flags;
    if (quiet === true || silent === true || this.formatter === 'json') return;
    this.terminal.out(`${text}\n`);
  }

  /** Says what has been done. */
  done(text: string): void {
    if (this.flags.silent !== true) this.terminal.out(`${text}\n`);
  }

  rows(columns: readonly Column[], rows: readonly Row[]): void {
    const hasHeaders = this.flags.silent !== true && this.flags.tableHeaders;
    this.terminal.out(formatRows(this.formatter, columns, rows, hasHeaders));
  }
}

export interface Verb {
  readonly name: string;
  /** In commander's notation: `<username> [password]`. */
  readonly arguments?: string;
  readonly description: string;
  /** Adds options of its own. */
  readonly options?: (command: Command) => void;
  readonly run: (
    context: CtlContext,
    args: readonly string[],
    options: Readonly<Record<string, unknown>>,
  ) => Promise<void>;
}

/** The columns that the user names, or the usual ones; values are members of the same name. */
export function chosenColumns(
  asked: readonly string[],
  usual: readonly string[],
  special: Readonly<Record<string, (row: Row) => unknown>>,
  known: readonly string[],
): Column[] {
  const names = asked.flatMap((word) => word.split(',')).filter((name) => name !== '');
  const wrong = names.filter((name) => !known.includes(name) && !Object.hasOwn(special, name));
  if (wrong.length > 0) {
    const all = [...new Set([...usual, ...known, ...Object.keys(special)])].sort();
    throw new CtlError(
      EXIT_CODES.usage,
      `(argument validation): Info key(s) ${wrong.join(',')} are not supported. There are:\n` +
        all.join(', '),
    );
  }
  return (names.length > 0 ? names : usual).map((name) => ({
    name,
    valueOf: Object.hasOwn(special, name) ? special[name] : (row: Row) => row[name],
  }));
}

export function plainColumns(names: readonly string[]): Column[] {
  return names.map((name) => ({ name, valueOf: (row) => row[name] }));
}
