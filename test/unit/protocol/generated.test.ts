// The checked-in method codec is what its generator makes of the method table today.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { generate } from '../../../src/protocol/spec/generate.ts';

it('is up to date: else run `node src/protocol/spec/generate.ts`', () => {
  const path = new URL('../../../src/protocol/methods.generated.ts', import.meta.url);
  expect(readFileSync(path, 'utf8')).toBe(generate());
});
