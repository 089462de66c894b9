// What the operating system knows about this process. Main thread, asynchronous where it reads.
// Facts that only Linux tells (proc(5)) are undefined elsewhere.
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessFacts {
  readonly residentBytes: number;
  readonly openFiles: number | undefined;
  readonly openFilesMax: number | undefined;
}

export async function processFacts(): Promise<ProcessFacts> {
  const [openFiles, openFilesMax] = await Promise.all([
    whereKnown(async () => (await readdir('/proc/self/fd')).length),
    whereKnown(async () => openFilesMaxFrom(await readFile('/proc/self/limits', 'utf8'))),
  ]);
  return { residentBytes: process.memoryUsage.rss(), openFiles, openFilesMax };
}

/** The soft limit in `Max open files  1024  524288  files`; undefined when it is unlimited. */
export function openFilesMaxFrom(limits: string): number | undefined {
  const soft = /^Max open files +(?<soft>\d+) /mu.exec(limits)?.groups?.['soft'];
  return soft === undefined ? undefined : Number(soft);
}

async function whereKnown<Fact>(read: () => Promise<Fact>): Promise<Fact | undefined> {
  try {
    return await read();
  } catch {
    // No such file on this system, or not readable in this sandbox: the fact is left out.
    return undefined;
  }
}
