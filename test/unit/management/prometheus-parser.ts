// Test support: reads the Prometheus text format (version 0.0.4) and refuses what is not in it, by
// the words of the format's description: names, escapes, one HELP and TYPE before the samples, the
// samples of a family together, no sample twice.
import { expect } from 'vitest';

export interface ParsedFamily {
  readonly help: string;
  readonly type: string;
  /** By labels as written, with braces; '' without any. */
  readonly samples: Map<string, number>;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const HELP = new RegExp(`^# HELP (${NAME}) ((?:[^\\\\\\n]|\\\\[\\\\n])*)$`, 'u');
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`, 'u');
const SAMPLE = new RegExp(
  `^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (NaN|[+-]Inf|-?\\d+(?:\\.\\d+)?(?:e[+-]\\d+)?)$`,
  'u',
);

export function parsePrometheus(text: string): Map<string, ParsedFamily> {
  expect(text.endsWith('\n')).toBe(true);
  const families = new Map<string, ParsedFamily>();
  const lines = text.slice(0, -1).split('\n');
  let current = '';
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index];
    if (line.startsWith('#')) {
      const help = HELP.exec(line);
      const type = TYPE.exec(lines[index + 1] ?? '');
      if (help === null || type === null || help[1] !== type[1]) fail(line);
      current = help[1]!;
      if (families.has(current)) fail(line);
      families.set(current, { help: help[2], type: type[2], samples: new Map() });
      index += 1;
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (sample === null || sample[1] !== current) fail(line);
    const { samples } = families.get(current)!;
    const labels = sample[2] ?? '';
    if (samples.has(labels)) fail(line);
    samples.set(labels, Number(sample[3].replace('Inf', 'Infinity')));
  }
  return families;
}

function fail(line: string): never {
  throw new Error(`not in the Prometheus text format here: ${line}`);
}
