// What the operating system tells about the process, under RabbitMQ's names. Main thread, pure.
import type { ProcessFacts } from '../process-facts.ts';
import type { MetricFamily } from './exposition.ts';
import { gauge } from './family.ts';

export function processMetrics(facts: ProcessFacts, startedAtMillis: number): MetricFamily[] {
  return [
    ...gauge('rabbitmq_process_resident_memory_bytes', 'Memory used in bytes', facts.residentBytes),
    ...gauge('rabbitmq_process_open_fds', 'Open file descriptors', facts.openFiles),
    ...gauge('rabbitmq_process_max_fds', 'Open file descriptors limit', facts.openFilesMax),
    ...gauge(
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      Math.floor(startedAtMillis / 1000),
    ),
  ];
}
