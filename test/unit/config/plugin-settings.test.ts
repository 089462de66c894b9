// The list of plugins: by name, in the order of the names, one layer over the other.
import { describe, expect, it } from 'vitest';
import { printConfig } from '../../../src/config/print-config.ts';
import { load } from './load.ts';

const modules = (given: Parameters<typeof load>[0]): string[] =>
  load(given).config.plugins.map(({ name, module }) => `${name}=${module}`);

describe('plugins', () => {
  it('come in the order of their names, numbers by value', () => {
    const file = 'plugins.10 = ten\nplugins.2 = ./two.js\nplugins.audit = /a.js\nplugins.1 = one';
    expect(modules({ file })).toEqual(['1=one', '2=./two.js', '10=ten', 'audit=/a.js']);
  });

  it('can be replaced, added and left out by a layer above', () => {
    const file = 'plugins.1 = one\nplugins.2 = two';
    expect(modules({ file, args: { set: ['plugins.1=none', 'plugins.3=three'] } })).toEqual([
      '2=two',
      '3=three',
    ]);
    expect(modules({ file, env: { WARRENMQ_PLUGINS_2: 'other' } })).toEqual(['1=one', '2=other']);
    expect(modules({ file, args: { set: ['plugins=none'] } })).toEqual([]);
  });

  it('are printed so that they can be loaded again', () => {
    const loaded = load({ file: 'plugins.a = ./x y.js\nplugins.on_error = skip' });
    expect(load({ file: printConfig(loaded) }).config).toEqual(loaded.config);
    expect(printConfig(loaded)).toMatch(/^plugins\.a = \.\/x y\.js +# w\.conf:1$/mu);
  });

  it.each([
    ['plugins = a', 'plugins must be none, or have a name behind it, such as plugins.1, found "a"'],
    ['plugins.on_error = go', 'plugins.on_error must be one of stop, skip, found "go"'],
  ])('%s is refused', (file, problem) => {
    expect(() => load({ file })).toThrow(problem);
  });
});
