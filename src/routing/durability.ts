// How safe a persistent message is in a queue before its publisher hears of it. Any thread: the
// shard acts on it, acceptors have to know which confirms wait for what.
import type { QueueSpec } from './change.ts';

/** memory: not on disk at all; write: handed to the operating system; fsync: on the disk. */
export type Durability = 'memory' | 'write' | 'fsync';

const DURABILITY_ARGUMENT = 'x-durability';

/**
 * `preset` is what the configuration says (log.durability). The queue's argument counts before its
 * policy, which is the same for as long as the broker runs (VhostPolicies.ruleQueue).
 */
export function durabilityOf(queue: QueueSpec, preset: Durability): Durability {
  if (!queue.durable || queue.exclusiveOwner !== 0) return 'memory';
  const args = queue.arguments;
  const asked = Object.hasOwn(args, DURABILITY_ARGUMENT)
    ? args[DURABILITY_ARGUMENT]
    : queue.policy?.definition['durability'];
  return asked === 'memory' || asked === 'write' || asked === 'fsync' ? asked : preset;
}
