// What warrenmqctl prints: rabbitmqctl's formats. Runs in main, pure.
//
//     table          columns and rows, separated by tabs       csv    the same with commas
//     pretty_table   with lines around                         json   an object per row
//
// Values that are no text stand as Erlang would write them: [{"connection_name","app"}].
import type { Row } from './api-client.ts';

export const FORMATTERS = ['table', 'pretty_table', 'csv', 'json', 'erlang'] as const;
export type Formatter = (typeof FORMATTERS)[number];

export interface Column {
  /** As the user names it, and as the header says. */
  readonly name: string;
  readonly valueOf: (row: Row) => unknown;
}

export function formatRows(
  formatter: Formatter,
  columns: readonly Column[],
  rows: readonly Row[],
  hasHeaders: boolean,
): string {
  const cells = rows.map((row) => columns.map(({ valueOf }) => valueOf(row) ?? ''));
  const names = columns.map(({ name }) => name);
  if (formatter === 'json') return jsonText(names, cells);
  const texts = cells.map((row) => row.map(cellText));
  const lines = hasHeaders && texts.length > 0 ? [names, ...texts] : texts;
  if (formatter === 'pretty_table') return prettyTable(names, texts);
  if (formatter === 'csv') return linesText(lines.map((line) => line.map(csvText).join(',')));
  if (formatter === 'erlang') return `${erlangTerm(rowsAsTables(names, cells))}\n`;
  return linesText(lines.map((line) => line.join('\t')));
}

function rowsAsTables(names: readonly string[], cells: readonly (readonly unknown[])[]): object[] {
  return cells.map((row) => Object.fromEntries(row.map((value, at) => [names[at], value])));
}

/** A stream of objects, one a line, as rabbitmqctl writes it. */
function jsonText(names: readonly string[], cells: readonly (readonly unknown[])[]): string {
  const objects = rowsAsTables(names, cells).map((row) => JSON.stringify(row));
  return objects.length === 0 ? '[]\n' : `[\n${objects.join('\n,')}\n]\n`;
}

function linesText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function prettyTable(names: readonly string[], texts: readonly (readonly string[])[]): string {
  const widths = names.map((name, at) =>
    Math.max(name.length, ...texts.map((row) => row[at].length)),
  );
  const rule = (left: string, middle: string, right: string): string =>
    left + widths.map((width) => '─'.repeat(width + 2)).join(middle) + right;
  const line = (row: readonly string[]): string =>
    `│ ${row.map((text, at) => text.padEnd(widths[at])).join(' │ ')} │`;
  const body = texts.flatMap((row) => [rule('├', '┼', '┤'), line(row)]);
  return linesText([rule('┌', '┬', '┐'), line(names), ...body, rule('└', '┴', '┘')]);
}

function csvText(text: string): string {
  return /[",\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Text stands as it is, but for what would break the line. */
function cellText(value: unknown): string {
  if (typeof value === 'string') return value.replaceAll(/[\t\n\r\\]/gu, visible);
  if (value instanceof Atoms) return `[${value.names.join(', ')}]`;
  return erlangTerm(value);
}

function visible(character: string): string {
  const names: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };
  return names[character] ?? '\\\\';
}

/** Words that Erlang writes without quotes, such as tags. */
export class Atoms {
  readonly names: readonly string[];

  constructor(names: readonly string[]) {
    this.names = names;
  }

  toJSON(): readonly string[] {
    return this.names;
  }
}

/** Objects as lists of pairs, which is what field tables are to RabbitMQ. */
export function erlangTerm(value: unknown): string {
  if (typeof value === 'string') return `"${value.replaceAll(/["\\]/gu, '\\$&')}"`;
  if (value instanceof Atoms) return `[${value.names.join(',')}]`;
  if (Array.isArray(value)) return `[${value.map(erlangTerm).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, item]) => `{"${key}",${erlangTerm(item)}}`);
    return `[${pairs.join(',')}]`;
  }
  return value === null || value === undefined ? 'undefined' : String(value);
}
