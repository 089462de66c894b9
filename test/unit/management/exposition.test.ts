// The text format of metrics: what is written can be read, whatever the labels hold.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expositionText } from '../../../src/management/metrics/exposition.ts';
import { parsePrometheus } from './prometheus-parser.ts';

describe('expositionText', () => {
  it('writes families with help, type and samples', () => {
    const text = expositionText([
      {
        name: 'a_total',
        help: 'Help\\me\nplease',
        type: 'counter',
        samples: [{ labels: {}, value: 1 }],
      },
      {
        name: 'b',
        help: 'B',
        type: 'gauge',
        samples: [
          { labels: { x: 'say "hi"\n\\', y: 2 }, value: 0.5 },
          { labels: { x: '', y: 3 }, value: 1e21 },
        ],
      },
    ]);
    expect(text.split('\n')).toEqual([
      '# HELP a_total Help\\\\me\\nplease',
      '# TYPE a_total counter',
      'a_total 1',
      '# HELP b B',
      '# TYPE b gauge',
      'b{x="say \\"hi\\"\\n\\\\",y="2"} 0.5',
      'b{x="",y="3"} 1e+21',
      '',
    ]);
    expect([...parsePrometheus(text).keys()]).toEqual(['a_total', 'b']);
  });

  it.each([
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
  ])('writes %d as Go does', (value, text) => {
    const families = [
      { name: 'n', help: 'n', type: 'gauge', samples: [{ labels: {}, value }] },
    ] as const;
    expect(expositionText(families)).toContain(`\nn ${text}\n`);
  });

  it('survives any label and any help', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.double(), (label, help, value) => {
        const samples = [{ labels: { label }, value }];
        const text = expositionText([{ name: 'n', help, type: 'gauge', samples }]);
        const [[labels, read]] = [...parsePrometheus(text).get('n')!.samples];
        expect(Object.is(read, value) || read === value).toBe(true);
        const escaped = /^\{label="(?<value>.*)"\}$/su.exec(labels)?.groups?.['value'];
        const unescaped = escaped?.replaceAll(/\\(.)/gu, (_, one) => (one === 'n' ? '\n' : one));
        expect(unescaped).toBe(label);
      }),
    );
  });
});

describe('the parser of these tests', () => {
  it.each([
    'a 1\n',
    '# HELP a x\n# TYPE a gauge\na 1',
    '# HELP a x\na 1\n',
    '# TYPE a gauge\n# HELP a x\na 1\n',
    '# HELP a x\n# TYPE b gauge\na 1\n',
    '# HELP a x\n# TYPE a gauge\nb 1\n',
    '# HELP a x\n# TYPE a gauge\na one\n',
    '# HELP a x\n# TYPE a gauge\na 1\na 2\n',
    '# HELP a x\n# TYPE a gauge\na{l="\\x"} 1\n',
    '# HELP a x\n# TYPE a gauge\na{l="""} 1\n',
    '# HELP a x\n# TYPE a gauge\na 1\n# HELP a x\n# TYPE a gauge\na 1\n',
  ])('refuses %j', (text) => {
    expect(() => parsePrometheus(text)).toThrow();
  });
});
