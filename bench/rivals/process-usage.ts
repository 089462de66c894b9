// What a broker costs, read from /proc: processor time and memory of a process and all that it
// started. Harness process, cold. Linux only.
// Invariants: processor time is the sum over all threads of the whole tree (proc(5): the stat file
// of a process covers its threads); memory is that of the largest process, which is the broker
// itself, not the shell or the helpers around it.
import { readFileSync, readdirSync } from 'node:fs';

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  readonly cpuSeconds: number;
}

/** The parent and the processor time in one /proc/<pid>/stat line. */
export function parseStat(line: string): Stat {
  // The name in brackets may hold spaces and brackets, so fields are counted from the last one.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { parent: Number(fields[1]), cpuSeconds: ticks / TICKS_PER_SECOND };
}

/** VmRSS in bytes from the text of /proc/<pid>/status; 0 for a zombie, which has none. */
export function parseRssBytes(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

export interface Usage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** Of process `root` and everything below it. */
export function readUsage(root: number): Usage {
  const stats = readAllStats();
  let cpuSeconds = 0;
  let rssBytes = 0;
  for (const [pid, stat] of stats) {
    if (!isBelow(stats, pid, root)) continue;
    cpuSeconds += stat.cpuSeconds;
    rssBytes = Math.max(rssBytes, readRssBytes(pid));
  }
  return { cpuSeconds, rssBytes };
}

/** Processor time of the whole machine that was not idle, from the first line of /proc/stat. */
export function readMachineCpuSeconds(): number {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].trim().split(/\s+/);
  const [user, nice, system, , , irq, softirq] = fields.slice(1).map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

function readAllStats(): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = readIfThere(`/proc/${name}/stat`);
    if (line !== undefined) stats.set(Number(name), parseStat(line));
  }
  return stats;
}

function isBelow(stats: ReadonlyMap<number, Stat>, pid: number, root: number): boolean {
  for (let at: number | undefined = pid; at !== undefined; at = stats.get(at)?.parent) {
    if (at === root) return true;
  }
  return false;
}

function readRssBytes(pid: number): number {
  return parseRssBytes(readIfThere(`/proc/${pid}/status`) ?? '');
}

/** Processes end while they are being listed: a file that has gone is not an error. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
