// What a message's priority is to a queue (https://www.rabbitmq.com/docs/priority, and
// https://www.rabbitmq.com/docs/quorum-queues#priorities). Shard thread. Classic queues without
// x-max-priority know none and keep the plain list of ready messages, whose cost must not grow.
import type { QueueSettings } from '../../src/routing/queue-settings.ts';
import { PriorityReady } from './priority-ready.ts';
import { ReadyList } from './ready-list.ts';
import type { ReadyMessages } from './ready-messages.ts';

/** A quorum queue puts messages without the property here, a classic queue lowest. */
const QUORUM_DEFAULT = 4;

/** `codeOf`: a message's property as it stands in its flags (priorityCode). */
export function readyMessages(
  settings: QueueSettings,
  codeOf: (handle: number) => number,
): ReadyMessages {
  const { priorityMax, isQuorum } = settings;
  if (priorityMax <= 0) return new ReadyList();
  const byDefault = isQuorum ? QUORUM_DEFAULT : 0;
  return new PriorityReady(priorityMax, (handle) => {
    const code = codeOf(handle);
    return code === 0 ? byDefault : Math.min(code - 1, priorityMax);
  });
}
