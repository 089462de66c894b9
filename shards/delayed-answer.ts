// A shard's answer to who asks for the delayed messages of an exchange: lists them, cancels them,
// or has one go at once. Shard thread, cold; the next due come first.
//
// A message whose time has come and that is with an acceptor already (shards/deadletter) is none of
// these: it can be cancelled no more. What is cancelled is so on disk when the answer comes.
import { propsOf } from './store/stored-properties.ts';
import type { PeekReads, Peeked } from './log/peek-reads.ts';
import type { DelayedAction, DelayedAnswer, DelayedMessage } from './mailbox/control-messages.ts';
import type { DelayedReady } from './queue/delayed-ready.ts';
import { cancelOne, deliverOne, storedContents } from './depot/depot-answers.ts';
import { firstStored } from './depot/finding.ts';
import type { Stored } from './depot/near-period.ts';
import { withdraw } from './queue/paging.ts';
import type { Queue } from './queue/queue.ts';
import type { ShardState } from './shard-state.ts';

const NOTHING: DelayedAnswer = { count: 0, messages: [] };

/** A message that is listed: content, or the row of a message that is on disk in the log. */
interface Listed {
  readonly position: number;
  readonly due: number;
  readonly bytes: number;
  readonly at: number | Peeked | undefined;
}

export async function delayedAnswer(
  state: ShardState,
  queueId: number,
  action: DelayedAction,
): Promise<DelayedAnswer> {
  const queue = state.queues.get(queueId);
  // Deleted meanwhile, with all that it held.
  if (queue?.delayed === undefined) return NOTHING;
  const { delayed, depot } = queue;
  switch (action.kind) {
    case 'list': {
      const { offset, count } = action;
      const messages = await list(state, queue, delayed, offset, count);
      return { count: delayed.length + (depot?.count ?? 0), messages };
    }
    case 'cancel': {
      const count = await cancel(state, queue, delayed, action.position);
      return { count, messages: [] };
    }
    case 'deliver': {
      const isThere = await deliver(state, queue, delayed, action.position);
      return isThere ? { count: 1, messages: [] } : NOTHING;
    }
  }
}

async function cancel(
  { storage }: ShardState,
  queue: Queue,
  delayed: DelayedReady,
  position: number | undefined,
): Promise<number> {
  const { depot } = queue;
  if (position === undefined) {
    const count = queue.purge();
    if (count === 0) return 0;
    await storage?.shardLog.settle();
    // Asked behind the purge, this comes when its files are gone.
    await depot?.ask(async () => undefined);
    return count;
  }
  if (depot !== undefined) {
    return (await depot.ask(async () => cancelOne(depot.state, position))) ? 1 : 0;
  }
  const handle = delayed.find(position);
  if (handle === undefined || !withdraw(queue, position, handle)) return 0;
  await storage?.shardLog.settle();
  return 1;
}

async function deliver(
  { deadlines }: ShardState,
  queue: Queue,
  delayed: DelayedReady,
  position: number,
): Promise<boolean> {
  const { depot } = queue;
  if (depot !== undefined) return depot.ask(async () => deliverOne(depot.state, position));
  if (!delayed.setDue(position, deadlines.now)) return false;
  queue.rules.apply();
  return true;
}

/** `count` messages by their due times behind `offset` others, wherever they are. */
async function list(
  { storage }: ShardState,
  queue: Queue,
  delayed: DelayedReady,
  offset: number,
  count: number,
): Promise<DelayedMessage[]> {
  const { depot } = queue;
  if (depot === undefined) {
    return messagesOf(queueListed(queue, delayed, offset, count), storage?.peeks);
  }
  return depot.ask(async () => {
    const { state } = depot;
    const stored = await firstStored(state, offset + count);
    const others = delayed.list(0, offset + count);
    // Some may have been lent to the queue since they were looked up.
    const still = stored.filter(({ position }) => !state.lent.has(position));
    const page = merged(others, still).slice(offset, offset + count);
    const ofDepot = page.filter((one) => typeof one !== 'number');
    const rows = page.filter((one) => typeof one === 'number');
    // At once, before rows of the log can become those of other messages.
    const inLog = messagesOf(
      rows.map((i) => listedAt(queue, others, i)),
      storage?.peeks,
    );
    const inDepot = messagesOf(await storedContents(state, ofDepot), undefined);
    const all = [...(await inLog), ...(await inDepot)];
    return all.sort((a, b) => a.due - b.due || (a.position - b.position) | 0);
  });
}

/** In the order of their due times: places in `others`, and messages of the depot. */
function merged(others: readonly number[], stored: readonly Stored[]): (number | Stored)[] {
  const all: (number | Stored)[] = [];
  let next = 0;
  for (let i = 0; i < others.length; i += 3) {
    const [position, due] = [others[i], others[i + 1]];
    for (; next < stored.length; next += 1) {
      const one = stored[next];
      if (one.due > due || (one.due === due && ((one.position - position) | 0) > 0)) break;
      all.push(one);
    }
    all.push(i);
  }
  return [...all, ...stored.slice(next)];
}

function queueListed(queue: Queue, delayed: DelayedReady, offset: number, count: number): Listed[] {
  const rows = delayed.list(offset, count);
  const listed: Listed[] = [];
  for (let i = 0; i < rows.length; i += 3) listed.push(listedAt(queue, rows, i));
  return listed;
}

function listedAt(queue: Queue, rows: readonly number[], i: number): Listed {
  const [position, due, handle] = [rows[i], rows[i + 1], rows[i + 2]];
  const bytes = queue.dataBytes(handle);
  return { position, due, bytes, at: handle < 0 ? ~handle : contentOf(queue, handle) };
}

async function messagesOf(
  all: readonly Listed[],
  peeks: PeekReads | undefined,
): Promise<DelayedMessage[]> {
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
