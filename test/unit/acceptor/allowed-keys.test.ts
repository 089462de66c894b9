// The memory of allowed keys: bytes that were added and no others, however much is added.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AllowedKeys } from '../../../src/acceptor/allowed-keys.ts';

it('knows what was added last, wherever it lies, and nothing that was not added', () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 6, max: 3 });
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 80 }), key, (added, other) => {
      const keys = new AllowedKeys();
      for (const bytes of added) {
        const around = Buffer.concat([Buffer.of(9), bytes, Buffer.of(9)]);
        keys.add(around, 1, bytes.length);
        around.fill(0);
        expect(keys.has(Buffer.from(bytes), 0, bytes.length)).toBe(true);
      }
      const wasAdded = added.some((bytes) => Buffer.from(bytes).equals(other));
      if (!wasAdded) expect(keys.has(Buffer.from(other), 0, other.length)).toBe(false);
    }),
  );
});

it('keeps several at a time', () => {
  const keys = new AllowedKeys();
  const first = Buffer.from('a');
  const second = Buffer.from('b');
  keys.add(first, 0, 1);
  keys.add(second, 0, 1);
  for (const key of [first, second, first]) expect(keys.has(key, 0, 1)).toBe(true);
});
