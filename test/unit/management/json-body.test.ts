// Bodies of requests: what is taken for what, and what is refused.
import { describe, expect, it } from 'vitest';
import {
  flagOf,
  integerOf,
  parseObject,
  requireKeys,
  tableOf,
  textOf,
} from '../../../src/management/json-body.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

describe('a body', () => {
  it('keeps all digits of integers', () => {
    expect(
      parseObject(bytes('{"a":9007199254740993,"b":5,"c":1.5,"d":[-9007199254740995]}')),
    ).toEqual({ a: 9007199254740993n, b: 5, c: 1.5, d: [-9007199254740995n] });
  });

  it('may be empty', () => {
    expect(parseObject(bytes(''))).toEqual({});
  });

  it.each(['{', '[]', '1', 'null', '"x"', '{"a":}'])('is refused: %s', (text) => {
    expect(() => parseObject(bytes(text))).toThrow('not_json');
  });

  it('cannot touch prototypes', () => {
    const body = parseObject(bytes('{"__proto__":{"durable":true}}'));
    expect(flagOf(body, 'durable', false)).toBe(false);
    expect(textOf(body, 'toString')).toBeUndefined();
  });
});

describe('members', () => {
  const body = { t: 'x', yes: 'true', no: false, n: '12', m: 7, o: { k: 1 }, l: [], z: null };

  it('are read as what they should be', () => {
    expect([textOf(body, 't'), textOf(body, 'none', 'd'), textOf(body, 'z', 'd')]).toEqual([
      'x',
      'd',
      'd',
    ]);
    expect([flagOf(body, 'yes', false), flagOf(body, 'no', true), flagOf(body, 'q', true)]).toEqual(
      [true, false, true],
    );
    expect([integerOf(body, 'n'), integerOf(body, 'm'), integerOf(body, 'q')]).toEqual([
      12,
      7,
      undefined,
    ]);
    expect([tableOf(body, 'o'), tableOf(body, 'l'), tableOf(body, 'q')]).toEqual([
      { k: 1 },
      {},
      {},
    ]);
  });

  it.each([
    [() => textOf(body, 'm'), 'm should be a string, actually was 7'],
    [() => flagOf(body, 't', true), 't should be a boolean, actually was'],
    [() => integerOf(body, 't'), 't should be an integer'],
    [() => tableOf(body, 't'), 't should be an object'],
    [() => requireKeys(body, ['t', 'a', 'b']), '[{key_missing,a},{key_missing,b}]'],
  ])('are refused otherwise', (read, text) => {
    expect(read).toThrow(text);
  });
});
