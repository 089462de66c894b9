// The keys about what is kept on disk and how. Runs in main only; part of the schema (schema.ts).
// RabbitMQ's names where it has the key; the storage.* keys are WarrenMQ's own.
import type { Setting } from './setting.ts';

const MIB = 1024 * 1024;
/** Larger than any disk, so that the alarm can be tried out. */
const PIB = 1024 ** 5;
const SINCE = '0.2.0';

export const storageSettings: readonly Setting[] = [
  {
    key: 'storage.durability',
    field: 'durability',
    type: { kind: 'choice', choices: ['fsync', 'write', 'memory'], aliases: {} },
    default: 'fsync',
    description:
      'What the confirm of a persistent message in a durable queue means where the queue has no ' +
      'x-durability of its own. fsync: it is on the disk. write: the operating system has it, ' +
      "as with RabbitMQ's classic queues. memory: nothing is kept on disk.",
    since: SINCE,
  },
  {
    key: 'storage.backend',
    field: 'storageBackend',
    type: { kind: 'choice', choices: ['auto', 'native', 'portable'], aliases: {} },
    default: 'auto',
    description:
      'What writes the log on disk: native is the Rust module, portable the slower TypeScript ' +
      'one (the format is the same), auto takes native where it can be loaded.',
    since: SINCE,
  },
  {
    key: 'storage.segment_bytes',
    field: 'segmentBytes',
    type: { kind: 'size', bytesMin: MIB, bytesMax: 256 * MIB, powerOfTwo: true },
    default: 32 * MIB,
    description:
      'Size of the files of a new log, in bytes; a power of two. A log that exists keeps its own.',
    since: SINCE,
  },
  {
    key: 'vm_memory_high_watermark_paging_ratio',
    field: 'memoryPagingRatio',
    type: { kind: 'fraction' },
    default: 0.5,
    description:
      'The part of the memory watermark from which messages, transient ones too, are kept on ' +
      'disk only, but for the next ones of each queue.',
    since: SINCE,
  },
  {
    key: 'disk_free_limit.absolute',
    otherKeys: ['disk_free_limit'],
    field: 'diskFreeLimitBytes',
    type: { kind: 'size', bytesMin: 0, bytesMax: PIB },
    default: 50 * 1000 * 1000,
    description:
      'With less free space than this where the data directory is, in bytes, all publishers are ' +
      'blocked; 0 means no limit.',
    since: SINCE,
  },
];
