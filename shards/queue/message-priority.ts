// What a message's priority is to a queue (https://www.rabbitmq.com/docs/priority, and
// https://www.rabbitmq.com/docs/quorum-queues#priorities). Shard thread. Classic queues without
// x-max-priority know none and keep the plain list of ready messages, whose cost must not grow.
import type { QueueSettings } from '../../src/routing/queue-settings.ts';
import type { RecordTable } from '../log/record-table.ts';
import { PRIORITY_SHIFT } from '../mailbox/to-shard-layout.ts';
import type { MessageStore } from '../store/message-store.ts';
import { PriorityReady } from './priority-ready.ts';
import { ReadyList } from './ready-list.ts';
import type { ReadyMessages } from './ready-messages.ts';

/** A quorum queue puts messages without the property here, a classic queue lowest. */
const QUORUM_DEFAULT = 4;

/** `records`: where messages that are on disk only have their priority, if there is a disk. */
export function readyMessages(
  settings: QueueSettings,
  store: Pick<MessageStore, 'flags'>,
  records: Pick<RecordTable, 'priority'> | undefined,
): ReadyMessages {
  const { priorityMax, isQuorum } = settings;
  if (priorityMax <= 0) return new ReadyList();
  const byDefault = isQuorum ? QUORUM_DEFAULT : 0;
  return new PriorityReady(priorityMax, (handle) => {
    const code = handle < 0 ? records!.priority(~handle) : store.flags(handle) >>> PRIORITY_SHIFT;
    return code === 0 ? byDefault : Math.min(code - 1, priorityMax);
  });
}
