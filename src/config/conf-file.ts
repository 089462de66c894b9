// The syntax of rabbitmq.conf: `key = value` per line, `#` starts a comment, no continuation lines.
// Runs in main only. Follows Cuttlefish, RabbitMQ's own parser: an unquoted value ends at the first
// `#` even without a space before it, a value in single quotes is taken as it stands, double quotes
// are part of the value. Where that surprises people a warning says so.
// https://www.rabbitmq.com/docs/configure#config-file-comment

/** One `key = value`, with the place it stands at. */
interface FileEntry {
  readonly key: string;
  readonly value: string;
  /** `warrenmq.conf:12` */
  readonly place: string;
}

export interface ParsedFile {
  readonly entries: readonly FileEntry[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const SETTING = /^([^\s=#']+)\s*=\s*(.*)$/u;
const QUOTED = /^'([^']*)'\s*(?:#.*)?$/u;

export function parseConfFile(text: string, fileName: string): ParsedFile {
  const entries: FileEntry[] = [];
  const problems: string[] = [];
  const warnings: string[] = [];
  const lines = text.replace(/^\uFEFF/u, '').split(/\r?\n/u);
  for (const [index, raw] of lines.entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const place = `${fileName}:${index + 1}`;
    const match = SETTING.exec(line);
    if (match === null) {
      problems.push(`${place}: expected "key = value" or a comment, found ${quoteLine(line)}`);
      continue;
    }
    const key = match[1];
    const value = readValue(match[2], place, warnings);
    if (value === '') problems.push(`${place}: ${key} has no value`);
    else if (value === undefined)
      problems.push(`${place}: ${key}: the closing quote must end the value`);
    else entries.push({ key, value, place });
  }
  return { entries, problems, warnings };
}

/** The value without quotes and comment; undefined when a quote does not end. */
function readValue(rest: string, place: string, warnings: string[]): string | undefined {
  if (rest.startsWith("'")) return QUOTED.exec(rest)?.[1];
  const hash = rest.indexOf('#');
  if (hash === -1) return warnOfDoubleQuotes(rest, place, warnings);
  const value = rest.slice(0, hash);
  if (hash > 0 && !/\s$/u.test(value)) {
    warnings.push(`${place}: the value ends before "#"; put it in single quotes to keep the rest`);
  }
  return warnOfDoubleQuotes(value.trimEnd(), place, warnings);
}

function warnOfDoubleQuotes(value: string, place: string, warnings: string[]): string {
  if (/^".*"$/u.test(value)) {
    warnings.push(`${place}: the double quotes are part of the value; use single quotes or none`);
  }
  return value;
}

/** The line as a JSON string, cut: it may be binary, or hold a password. */
function quoteLine(line: string): string {
  return JSON.stringify(line.length > 40 ? `${line.slice(0, 40)}...` : line);
}
