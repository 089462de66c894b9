// What is measured of a broker while it soaks: resident memory and open files from /proc, and its own
// figures. Test process. Linux only.
import fs from 'node:fs';

export interface Sample {
  readonly seconds: number;
  readonly rssBytes: number;
}

export function rssBytesOf(pid: number): number {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/u.exec(status)![1]) * 1024;
}

export function openFilesOf(pid: number): number {
  return fs.readdirSync(`/proc/${pid}/fd`).length;
}

/** The lowest sample of each of `count` equal stretches: what stays when nothing is in use. */
export function floors(samples: readonly Sample[], count: number): Sample[] {
  const size = Math.ceil(samples.length / count);
  const lowest: Sample[] = [];
  for (let at = 0; at < samples.length; at += size) {
    const stretch = samples.slice(at, at + size);
    lowest.push(stretch.reduce((least, each) => (each.rssBytes < least.rssBytes ? each : least)));
  }
  return lowest;
}

/** Bytes per hour: the median of the slopes between all pairs (Theil and Sen), so no peak decides. */
export function slopeBytesPerHour(samples: readonly Sample[]): number {
  const slopes: number[] = [];
  samples.forEach((a, index) => {
    for (const b of samples.slice(index + 1)) {
      slopes.push(((b.rssBytes - a.rssBytes) / (b.seconds - a.seconds)) * 3600);
    }
  });
  slopes.sort((a, b) => a - b);
  return slopes.length === 0 ? 0 : slopes[slopes.length >> 1];
}

/** One figure of the broker's metrics, summed over its threads. */
export async function metricSum(managementUrl: string, name: string): Promise<number> {
  const headers = { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` };
  const url = new URL('/metrics', managementUrl);
  const text = await (await fetch(url, { headers })).text();
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  if (lines.length === 0) throw new Error(`the broker has no metric ${name}`);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
