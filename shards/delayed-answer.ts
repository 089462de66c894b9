// A shard's answer to who asks for the delayed messages of an exchange: lists them, cancels them,
// or has one go at once. Shard thread, cold; the next due come first.
//
// A message whose time has come and that is with an acceptor already (shards/deadletter) is none of
// these: it can be cancelled no more. What is cancelled is so on disk when the answer comes.
import { propsOf } from './store/stored-properties.ts';
import type { PeekReads, Peeked } from './log/peek-reads.ts';
import type { DelayedAction, DelayedAnswer, DelayedMessage } from './mailbox/control-messages.ts';
import type { DelayedReady } from './queue/delayed-ready.ts';
import { withdraw } from './queue/paging.ts';
import type { Queue } from './queue/queue.ts';
import type { ShardState } from './shard-state.ts';

const NOTHING: DelayedAnswer = { count: 0, messages: [] };

export async function delayedAnswer(
  state: ShardState,
  queueId: number,
  action: DelayedAction,
): Promise<DelayedAnswer> {
  const queue = state.queues.get(queueId);
  // Deleted meanwhile, with all that it held.
  if (queue?.delayed === undefined) return NOTHING;
  const { delayed } = queue;
  switch (action.kind) {
    case 'list': {
      const listed = delayed.list(action.offset, action.count);
      const { length } = delayed;
      return { count: length, messages: await messagesOf(queue, listed, state.storage?.peeks) };
    }
    case 'cancel': {
      const count = cancel(queue, delayed, action.position);
      if (count > 0) await state.storage?.shardLog.settle();
      return { count, messages: [] };
    }
    case 'deliver': {
      if (!delayed.setDue(action.position, state.deadlines.now)) return NOTHING;
      queue.rules.apply();
      return { count: 1, messages: [] };
    }
  }
}

function cancel(queue: Queue, delayed: DelayedReady, position: number | undefined): number {
  if (position === undefined) return queue.purge();
  const handle = delayed.find(position);
  return handle !== undefined && withdraw(queue, position, handle) ? 1 : 0;
}

async function messagesOf(
  queue: Queue,
  listed: readonly number[],
  peeks: PeekReads | undefined,
): Promise<DelayedMessage[]> {
  const all: { position: number; due: number; bytes: number; at: number | Peeked | undefined }[] =
    [];
  for (let i = 0; i < listed.length; i += 3) {
    const [position, due, handle] = [listed[i], listed[i + 1], listed[i + 2]];
    const bytes = queue.dataBytes(handle);
    all.push({ position, due, bytes, at: handle < 0 ? ~handle : contentOf(queue, handle) });
  }
  const rows = all.map(({ at }) => at).filter((at) => typeof at === 'number');
  const peeked = await peeks?.read(rows);
  return all.map(({ at, ...message }) => {
    const content = typeof at === 'number' ? peeked?.get(at) : at;
    const { bodyBytes, exrk, props } = content ?? {};
    return { ...message, bodyBytes, exrk, props };
  });
}

/** Of a message in memory, copied. */
function contentOf({ store, slabs }: Queue, handle: number): Peeked {
  const inline = Buffer.alloc(store.inlineBytes(handle));
  store.copyData(handle, inline, 0);
  const exrk = inline.subarray(0, store.exrkBytes(handle));
  const props = propsOf(store, handle, inline, slabs);
  return {
    exrk: Uint8Array.from(exrk),
    props: Uint8Array.from(props),
    bodyBytes: store.bodyBytes(handle),
  };
}
