// Tells whether a process that wrote its identity down is still the one that has that process id.
// Runs in main only, at start. Linux gives each process a start time that, with the id of the boot,
// no later process with the same number shares; elsewhere the number alone has to do. Processes of
// another container (another process-id namespace) cannot be seen and count as ended.
import { readFileSync } from 'node:fs';

/** The start of a process as text that differs between two processes with the same id. */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // Field 22 of proc(5) stat, counted after the command name, which may hold spaces.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot}:${ticks}`;
  } catch {
    // No /proc here (macOS), or the process has just ended: the caller asks isProcessAlive as well.
    return undefined;
  }
}

/** Whether `pid` runs and is, as far as can be told, the process that started at `start`. */
export function isProcessAlive(pid: number, start: string | undefined): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = processStart(pid);
  return now === undefined || start === undefined || now === start;
}
