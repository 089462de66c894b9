// Short ways to make metric families. Main thread, pure.
import type { MetricFamily, Sample } from './exposition.ts';

/** A gauge with one sample; without a value there is no family at all. */
export function gauge(
  name: string,
  help: string,
  value: number | undefined,
  labels: Sample['labels'] = {},
): MetricFamily[] {
  return value === undefined ? [] : [{ name, help, type: 'gauge', samples: [{ labels, value }] }];
}

export function counter(
  name: string,
  help: string,
  value: number,
  labels: Sample['labels'] = {},
): MetricFamily[] {
  return [{ name, help, type: 'counter', samples: [{ labels, value }] }];
}
