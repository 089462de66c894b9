// Sizes for people who read a log line or a reply text. Any thread, pure, cold.

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'];

/** 1536 as "1.5 KiB": three digits say enough. */
export function readableSize(bytes: number): string {
  let value = bytes;
  let unit = 'bytes';
  for (const larger of UNITS) {
    if (value < 1024) break;
    value /= 1024;
    unit = larger;
  }
  return `${Number(value.toPrecision(value < 1000 ? 3 : 4))} ${unit}`;
}
