// The syntax of rabbitmq.conf, as Cuttlefish reads it.
import { describe, expect, it } from 'vitest';
import { parseConfFile } from '../../../src/config/conf-file.ts';

function parse(text: string) {
  const { entries, problems, warnings } = parseConfFile(text, 'f');
  return { values: entries.map(({ key, value }) => [key, value]), entries, problems, warnings };
}

describe('lines', () => {
  it('keep their number, whatever the line ends', () => {
    const { entries } = parse('\uFEFF# first\r\n\r\na = 1\r\n  b=2\n');
    expect(entries).toEqual([
      { key: 'a', value: '1', place: 'f:3' },
      { key: 'b', value: '2', place: 'f:4' },
    ]);
  });

  it.each([
    ['a = b c ', 'b c'],
    ['a = b = c', 'b = c'],
    ['a = b # comment', 'b'],
    ["a = 'b # c' # comment", 'b # c'],
    ["a = 'b  '", 'b  '],
    ["a = it's", "it's"],
  ])('%j has the value %j', (line, value) => {
    expect(parse(line)).toMatchObject({ values: [['a', value]], problems: [], warnings: [] });
  });

  it('end an unquoted value at "#", as RabbitMQ does, with a warning', () => {
    const { values, warnings } = parse('default_pass = abc#def');
    expect(values).toEqual([['default_pass', 'abc']]);
    expect(warnings).toEqual([
      'f:1: the value ends before "#"; put it in single quotes to keep the rest',
    ]);
  });

  it('keep double quotes, as RabbitMQ does, with a warning', () => {
    const { values, warnings } = parse('a = "b"');
    expect(values).toEqual([['a', '"b"']]);
    expect(warnings[0]).toContain('f:1: the double quotes are part of the value');
  });

  it.each([
    ['a', 'f:1: expected "key = value"'],
    ['= 1', 'f:1: expected "key = value"'],
    ['[section]', 'f:1: expected "key = value"'],
    ['a =', 'f:1: a has no value'],
    ['a = # nothing', 'f:1: a has no value'],
    ["a = 'b", 'f:1: a: the closing quote must end the value'],
    ["a = 'b' c", 'f:1: a: the closing quote must end the value'],
  ])('refuse %j', (line, problem) => {
    const { problems, values } = parse(line);
    expect(values).toEqual([]);
    expect(problems[0]).toContain(problem);
  });

  it('show at most the start of a line that is no setting', () => {
    const [problem] = parse(`x${'\u0000'.repeat(5)}${'y'.repeat(5000)}`).problems;
    expect(problem.length).toBeLessThan(150);
    expect(problem).not.toContain('\u0000');
  });
});
