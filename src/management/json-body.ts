// Request bodies that are JSON objects, and their members. Main thread, pure. What is wrong with
// one is refused with 400 and, where it has some, RabbitMQ's words (rabbit_mgmt_util:decode).
// RabbitMQ takes booleans and numbers that are written as strings; so do we.
import type { FieldTable } from '../protocol/field-table.ts';
import { badRequest } from './http-refusal.ts';

export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Integers keep all their digits: those that a number cannot hold become bigints. */
export function parseJson(text: string): Json {
  try {
    return JSON.parse(text, exactly as never) as Json;
  } catch {
    throw badRequest('not_json');
  }
}

/** An object; an empty body is an empty one. */
export function parseObject(body: Uint8Array): JsonObject {
  if (body.length === 0) return {};
  const value = parseJson(Buffer.from(body).toString('utf8'));
  if (!isObject(value)) throw badRequest('not_json');
  return value;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function exactly(_key: string, value: Json, { source }: { readonly source?: string }): Json {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return source !== undefined && /^-?\d{1,19}$/u.test(source) ? BigInt(source) : value;
}

/** Refuses a body in which any of these members is missing. */
export function requireKeys(body: JsonObject, keys: readonly string[]): void {
  const missing = keys.filter((key) => !Object.hasOwn(body, key));
  if (missing.length === 0) return;
  throw badRequest(`[${missing.map((key) => `{key_missing,${key}}`).join(',')}]`);
}

export function textOf(body: JsonObject, key: string): string | undefined;
export function textOf(body: JsonObject, key: string, whenMissing: string): string;
export function textOf(body: JsonObject, key: string, whenMissing?: string): string | undefined {
  const value = memberOf(body, key);
  if (value === undefined || value === null) return whenMissing;
  if (typeof value === 'string') return value;
  throw badRequest(`${key} should be a string, actually was ${shown(value)}`);
}

export function flagOf(body: JsonObject, key: string, whenMissing: boolean): boolean {
  const value = memberOf(body, key);
  if (value === undefined || value === null) return whenMissing;
  if (typeof value === 'boolean') return value;
  if (value === 'true') return true;
  if (value === 'false') return false;
  throw badRequest(`${key} should be a boolean, actually was ${shown(value)}`);
}

export function integerOf(body: JsonObject, key: string): number | undefined {
  const value = memberOf(body, key);
  if (value === undefined || value === null) return undefined;
  const number = typeof value === 'string' && /^-?\d+$/u.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  throw badRequest(`${key} should be an integer, actually was ${shown(value)}`);
}

/** Arguments: JSON's types are those of field tables, but for what tables have beyond them. */
export function tableOf(body: JsonObject, key: string): FieldTable {
  const value = memberOf(body, key);
  if (value === undefined || value === null) return {};
  // PHP and others write an empty table as an empty list; RabbitMQ has always taken that.
  if (Array.isArray(value) && value.length === 0) return {};
  if (!isObject(value))
    throw badRequest(`${key} should be an object, actually was ${shown(value)}`);
  return value as FieldTable;
}

function memberOf(body: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(body, key) ? body[key] : undefined;
}

function shown(value: Json): string {
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
