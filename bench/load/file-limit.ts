// Whether this process may open as many connections as it is asked to: each is a file descriptor.
// Generator's process, cold.
// Invariant: too low a limit is said before the first connection is opened, because halfway there
// it would look like a failure of the broker. Without /proc nothing is checked.
import { readFileSync } from 'node:fs';

/** Standard streams, the event loop's own, the parent's channel, a control connection. */
const OTHER_FILES = 64;

/** The soft limit of open files in the text of /proc/<pid>/limits. */
export function parseOpenFilesMax(limits: string): number {
  const text = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  return text === undefined || text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
}

/** Throws when `connections` at a time are more than this process may open. */
export function requireOpenFiles(connections: number): void {
  const max = openFilesMax();
  const needed = connections + OTHER_FILES;
  if (needed <= max) return;
  throw new Error(
    `${connections} connections need ${needed} file descriptors, but this process may open only ` +
      `${max}: raise the limit (ulimit -n ${needed}) where the generator is started`,
  );
}

function openFilesMax(): number {
  try {
    return parseOpenFilesMax(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
