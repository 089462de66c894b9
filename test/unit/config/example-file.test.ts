// docs/warrenmq.conf.example: loads as it stands, and shows every key with its true default.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { schema } from '../../../src/config/schema.ts';
import { load } from './load.ts';

const example = new URL('../../../docs/warrenmq.conf.example', import.meta.url);
const text = readFileSync(example, 'utf8');
const uncommented = text.replaceAll(/^# /gm, '');

it('changes nothing as it stands', () => {
  expect(load({ file: text }).config).toEqual(load({}).config);
});

it('shows the defaults', () => {
  // The name of the machine is the one default that differs everywhere.
  const clusterName = 'rabbit@hostname';
  expect(load({ file: uncommented }).config).toEqual({ ...load({}).config, clusterName });
  expect(load({ file: uncommented }).warnings).toEqual([]);
});

it.each(schema)('shows and describes $key', ({ key, description }) => {
  expect(load({ file: uncommented }).sources.get(key)).toMatch(/^w\.conf:\d+$/);
  expect(text.replaceAll(/\n## /g, ' ')).toContain(description);
});
