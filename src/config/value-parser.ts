// Turns the text of one value into its typed value, or says what is wrong with it. Runs in main
// only. A failure tells what was expected and what was found; the caller adds key and place.
// Size units are RabbitMQ's information units: k, KiB are 1024, kB is 1000, and so on upwards.
import path from 'node:path';
import { parseHost } from './host.ts';
import type { ConfigValue, SettingType } from './setting.ts';

/** `expected` completes the sentence "KEY must be ...". */
export type Parsed = { readonly value: ConfigValue } | { readonly expected: string };

type Scalar = Exclude<
  SettingType,
  {
    kind:
      | 'listeners'
      | 'user-list'
      | 'name-list'
      | 'vhost-limits'
      | 'operator-policies'
      | 'plugins';
  }
>;

const SHORT_STRING_BYTES_MAX = 255;
export const PORT_MAX = 65535;
export const HOST_EXPECTED = 'an IP address or a host name';

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  kib: 2 ** 10,
  kb: 10 ** 3,
  m: 2 ** 20,
  mib: 2 ** 20,
  mb: 10 ** 6,
  g: 2 ** 30,
  gib: 2 ** 30,
  gb: 10 ** 9,
};

const MILLIS_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

export function parseValue(type: Scalar, text: string, cwd: string): Parsed {
  switch (type.kind) {
    case 'integer':
      return inRange(parseInteger(text), type.min, type.max, 'a whole number');
    case 'limit':
      return parseLimit(text, type.max, type.isSize);
    case 'port-or-none':
      if (text === 'none') return { value: undefined };
      return inRange(parseInteger(text), 0, PORT_MAX, 'none or a port');
    case 'size':
      if (type.orNone === true && text === 'none') return { value: undefined };
      return parseSize(type, text);
    case 'fraction': {
      const value = /^\d{1,3}(?:\.\d{1,9})?$/u.test(text) ? Number(text) : Number.NaN;
      return value <= 1 ? { value } : { expected: 'a number from 0 to 1, such as 0.6' };
    }
    case 'duration':
      return parseDuration(type, text);
    case 'choice': {
      const value = type.aliases[text] ?? text;
      if (type.choices.includes(value)) return { value };
      return { expected: `one of ${type.choices.join(', ')}` };
    }
    case 'boolean':
      if (text === 'true' || text === 'false') return { value: text === 'true' };
      return { expected: 'true or false' };
    case 'host': {
      const value = parseHost(text);
      return value === undefined ? { expected: HOST_EXPECTED } : { value };
    }
    case 'path':
      if (type.orNone === true && text === 'none') return { value: undefined };
      return { value: path.resolve(cwd, text) };
    case 'string':
      if (type.orNone === true && text === 'none') return { value: undefined };
      return parseText(type, text);
  }
}

/** A whole number in plain decimal, or undefined: no sign, no exponent, no fraction. */
export function parseInteger(text: string): number | undefined {
  return /^\d{1,15}$/u.test(text) ? Number(text) : undefined;
}

/** 16777216 as "16MiB" when that is exact, for people. */
export function sizeText(bytes: number): string {
  for (const [unit, factor] of [['GiB', 2 ** 30] as const, ['MiB', 2 ** 20] as const]) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return bytes >= 1024 && bytes % 1024 === 0 ? `${bytes / 1024}KiB` : String(bytes);
}

/** 0 for no limit, as which RabbitMQ's word `infinity` counts too. */
export function parseLimit(
  text: string,
  max: number,
  isSize?: true,
): { readonly value: number } | { readonly expected: string } {
  const value = text === 'infinity' ? 0 : isSize === true ? sizeOf(text) : parseInteger(text);
  if (value !== undefined && value <= max) return { value };
  const range = isSize === true ? `a size in bytes up to ${sizeText(max)}` : `1 to ${max}`;
  return { expected: `infinity (no limit) or ${range}` };
}

function inRange(value: number | undefined, min: number, max: number, what: string): Parsed {
  if (value !== undefined && value >= min && value <= max) return { value };
  return { expected: `${what} from ${min} to ${max}` };
}

function sizeOf(text: string): number | undefined {
  const match = /^(\d{1,15})\s?([a-z]{0,3})$/iu.exec(text);
  const factor = match === null ? undefined : SIZE_UNITS[match[2].toLowerCase()];
  return factor === undefined ? undefined : Number(match![1]) * factor;
}

function parseSize(type: Extract<Scalar, { kind: 'size' }>, text: string): Parsed {
  const bytes = sizeOf(text) ?? Number.NaN;
  const fits = bytes >= type.bytesMin && bytes <= type.bytesMax;
  if (fits && (type.powerOfTwo !== true || Number.isInteger(Math.log2(bytes)))) {
    return { value: bytes };
  }
  const size = type.powerOfTwo === true ? 'a size in bytes, a power of two,' : 'a size in bytes';
  const what = type.orNone === true ? `none or ${size}` : size;
  const range = `from ${sizeText(type.bytesMin)} to ${sizeText(type.bytesMax)}`;
  return { expected: `${what} ${range} (units: kB, KiB, MB, MiB, GB, GiB)` };
}

function parseDuration(type: Extract<Scalar, { kind: 'duration' }>, text: string): Parsed {
  const match = /^(\d{1,10})\s?(ms|s|m|h)?$/u.exec(text);
  const millisPerUnit = type.unit === 'seconds' ? 1000 : 1;
  const factor = match?.[2] === undefined ? millisPerUnit : MILLIS_UNITS[match[2]];
  const value = match === null ? Number.NaN : (Number(match[1]) * factor) / millisPerUnit;
  if (Number.isInteger(value) && value >= type.min && value <= type.max) return { value };
  return { expected: `a time from ${type.min} to ${type.max} ${type.unit} (units: ms, s, m, h)` };
}

function parseText(type: Extract<Scalar, { kind: 'string' }>, text: string): Parsed {
  if (text === '' || Buffer.byteLength(text) > SHORT_STRING_BYTES_MAX) {
    return { expected: `text of 1 to ${SHORT_STRING_BYTES_MAX} bytes` };
  }
  if (type.pattern?.test(text) === false) return { expected: type.patternText ?? 'other text' };
  // RabbitMQ can hold encrypted values in its files; taken literally one would be a wrong password.
  if (text.startsWith('encrypted:')) {
    return { expected: 'plain text: encrypted values are not implemented' };
  }
  return { value: text };
}
