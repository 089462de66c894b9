// rabbitmqctl's output formats.
import { describe, expect, it } from 'vitest';
import { Atoms, type Column, erlangTerm, formatRows } from '../../../src/cli/ctl/output.ts';

const columns: readonly Column[] = ['name', 'n', 'args'].map((name) => ({
  name,
  valueOf: (row) => row[name],
}));
const rows = [
  { name: 'a\tb', n: 5, args: { x: 'y', list: [1, true] } },
  { name: 'c,"d"', args: new Atoms(['administrator', 'x']) },
];

describe('rows', () => {
  it('as a table: tabs, Erlang terms, what is not there is empty', () => {
    expect(formatRows('table', columns, rows, true)).toBe(
      'name\tn\targs\na\\tb\t5\t[{"x","y"},{"list",[1,true]}]\nc,"d"\t\t[administrator, x]\n',
    );
    expect(formatRows('table', columns, rows, false)).not.toContain('name');
    expect(formatRows('table', columns, [], true)).toBe('');
  });

  it('as CSV', () => {
    expect(formatRows('csv', columns.slice(0, 2), rows, true)).toBe(
      'name,n\na\\tb,5\n"c,""d""",\n',
    );
  });

  it('as JSON, an object a line', () => {
    const text = formatRows('json', columns, rows, true);
    expect(JSON.parse(text)).toEqual([
      { name: 'a\tb', n: 5, args: { x: 'y', list: [1, true] } },
      { name: 'c,"d"', n: '', args: ['administrator', 'x'] },
    ]);
    expect(text.split('\n')).toHaveLength(5);
    expect(formatRows('json', columns, [], true)).toBe('[]\n');
  });

  it('with lines around', () => {
    expect(formatRows('pretty_table', columns.slice(0, 2), [{ name: 'abcdef', n: 1 }], true)).toBe(
      '┌────────┬───┐\n│ name   │ n │\n├────────┼───┤\n│ abcdef │ 1 │\n└────────┴───┘\n',
    );
  });
});

it('Erlang terms', () => {
  // What the Java client's tests look for in list_connections client_properties.
  expect(erlangTerm({ connection_name: 'my "app"' })).toBe('[{"connection_name","my \\"app\\""}]');
  expect([erlangTerm([]), erlangTerm(null), erlangTerm(1.5)]).toEqual(['[]', 'undefined', '1.5']);
});
