// Test thread. Names that no other test, file or run uses, so that tests can share one broker.
import { randomBytes } from 'node:crypto';

const RUN = randomBytes(4).toString('hex');
let count = 0;

/** `what` and a suffix that is never given twice. */
export function uniqueName(what: string): string {
  count += 1;
  return `${what}-${RUN}-${count}`;
}
