// Which Accept headers let JSON through.
import { expect, it } from 'vitest';
import { isAcceptable } from '../../../src/management/accept-header.ts';

it.each([
  undefined,
  '',
  '*/*',
  '*',
  'application/json',
  'APPLICATION/JSON',
  'application/*;q=0.5',
  'text/html, application/json;q=0.1',
  'text/html,*/*;q=0.8',
  'application/json;version=2;q=0, application/json',
  'application/json, */*;q=0',
])('accepts %s', (header) => expect(isAcceptable(header, 'application/json')).toBe(true));

it.each([
  'text/html',
  'text/*',
  'application/xml, text/plain',
  'application/jsonp',
  'application/json;q=0',
  'application/json;q=0.000, */*',
  '*/*;q=0.0',
  'json',
])('does not accept %s', (header) => {
  expect(isAcceptable(header, 'application/json')).toBe(false);
});

it('accepts what Prometheus sends', () => {
  const header =
    'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  expect(isAcceptable(header, 'text/plain')).toBe(true);
});
