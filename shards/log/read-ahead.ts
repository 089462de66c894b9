// Brings messages that are on disk back into memory shortly before they are delivered: a window per
// queue, as large as its consumers can take. Shard thread. The log reads on a thread of its own; a
// queue whose head is not there yet is skipped meanwhile and runs again when it is.
//
// Small messages are read into a read's target and copied into the store; large ones straight into
// this shard's slab, from where the acceptors send them like any other slab body.
// Invariant: at most one read per queue is underway, and READS_MAX in all; a read's buffers belong
// to the log until it is finished.
import { alignTo8 } from '../../src/base/round.ts';
import {
  type Log,
  type LogRead,
  READ_AT,
  READ_COLUMNS,
  READ_DATA_BYTES,
  READ_FIRST_PART,
  READ_HEAD_BYTES,
  READ_INNER,
  READ_PART_COUNT,
  READ_POSITION,
  STATUS_OK,
} from '../../src/log/log.ts';
import type { SlabAllocator } from '../mailbox/slab-allocator.ts';
import { NO_PAGE, SLAB_PAGE_BYTES, SlabCursor } from '../mailbox/slab.ts';
import { holdsOnDisk, loaded, readyHandles, withdraw } from '../queue/paging.ts';
import type { Queue } from '../queue/queue.ts';
import type { ReadyVisitor } from '../queue/ready-messages.ts';
import { unload } from '../queue/unloading.ts';
import { IncomingMessage, type MessageStore } from '../store/message-store.ts';
import { takeRead } from './read-message.ts';
import type { RecordTable } from './record-table.ts';

const READS_MAX = 8;
const TARGET_BYTES = 1024 * 1024;
const MESSAGES_MAX = 2048;
/** A window for consumers with a prefetch of a few messages. */
const MESSAGES_MIN = 16;
/** Room for parts; grows for a message that lies in more pieces. */
const PARTS = 8192;
const PART_COLUMNS = 3;
/** A read takes no more into slabs at once, unless a single message is larger. */
const SLAB_BYTES_MAX = 16 * 1024 * 1024;
/** Exchange and routing key of a message whose props and body go to a slab. */
const EXRK_BYTES_MAX = 512;

class Read implements LogRead {
  number = 0;
  count = 0;
  readonly rows = new Float64Array(MESSAGES_MAX * READ_COLUMNS);
  parts = new Float64Array(PARTS * PART_COLUMNS);
  readonly target: Buffer<ArrayBuffer>;
  readonly words: Int32Array;
  readonly status = new Int32Array(MESSAGES_MAX);
  queue: Queue | undefined = undefined;
  /** Per message: row, position in the queue, first slab page, row among the returned. */
  readonly messages = new Int32Array(MESSAGES_MAX * MESSAGE_COLUMNS);
  usedBytes = 0;
  slabBytes = 0;
  partCount = 0;

  constructor() {
    const memory = new ArrayBuffer(TARGET_BYTES);
    this.target = Buffer.from(memory);
    this.words = new Int32Array(memory);
  }

  reset(number: number, queue: Queue): void {
    this.number = number;
    this.queue = queue;
    this.count = 0;
    this.usedBytes = 0;
    this.slabBytes = 0;
    this.partCount = 0;
  }

  /** A chain of runs is at worst one of single pages. */
  makeRoomForParts(pages: number): void {
    const needed = (this.partCount + pages) * PART_COLUMNS;
    if (needed <= this.parts.length) return;
    const grown = new Float64Array(needed);
    grown.set(this.parts);
    this.parts = grown;
  }
}

const MESSAGE_COLUMNS = 4;

export interface ReadAheadOptions {
  readonly log: Log;
  readonly records: RecordTable;
  readonly store: MessageStore;
  readonly queues: ReadonlyMap<number, Queue>;
  readonly slab: SlabAllocator;
  /** Number of the slab among all (acceptors' first). */
  readonly slabOwner: number;
  readonly inlineBytesMax: number;
  /** Told of each message that could not be read. */
  readonly onLost: (queue: Queue, position: number) => void;
}

export class ReadAhead implements ReadyVisitor {
  private readonly options: ReadAheadOptions;
  private readonly wanting: Queue[];
  private readonly spares: Read[];
  private readonly underway: Map<number, Read>;
  private readonly message: IncomingMessage;
  private readonly cursor: SlabCursor;
  /** The read that `see` adds to. */
  private filling: { readonly read: Read; readonly messagesMax: number } | undefined;
  private waiting: { readonly queue: Queue; readonly onLoaded: () => void }[];
  private number: number;

  constructor(options: ReadAheadOptions) {
    this.options = options;
    this.wanting = [];
    this.spares = [];
    this.underway = new Map();
    this.message = new IncomingMessage();
    this.cursor = new SlabCursor();
    this.filling = undefined;
    this.waiting = [];
    this.number = 0;
  }

  /** The queue's head is on disk and somebody waits for it. */
  want(queue: Queue): void {
    if (queue.isLoading) return;
    queue.isLoading = true;
    queue.ready.forgetLoaded();
    this.wanting.push(queue);
  }

  /** Runs `onLoaded` when all of a short queue is in memory. */
  whenLoaded(queue: Queue, onLoaded: () => void): void {
    if (queue.isDeleted || readyHandles(queue).every((handle) => handle >= 0)) onLoaded();
    else {
      this.waiting.push({ queue, onLoaded });
      this.want(queue);
    }
  }

  /** The queue is being drained: asks for the next window when half of the last one is gone. */
  near(queue: Queue): void {
    if (queue.isLoading) return;
    const left = queue.ready.loadedCount;
    if (left > queue.loadWindow / 2) return;
    queue.isLoading = true;
    if (left < 0) queue.ready.forgetLoaded();
    this.wanting.push(queue);
  }

  /** Starts the reads that were asked for. Call once per turn. */
  turn(): void {
    let left = this.wanting.length;
    while (left > 0 && this.underway.size < READS_MAX) {
      left -= 1;
      this.start(this.wanting.shift()!);
    }
  }

  /** From the log: a read is finished. */
  finished(number: number): void {
    const read = this.underway.get(number);
    if (read === undefined) return;
    this.underway.delete(number);
    const queue = read.queue!;
    for (let i = 0; i < read.count; i += 1) this.take(read, queue, i);
    read.queue = undefined;
    this.spares.push(read);
    queue.isLoading = false;
    const { waiting } = this;
    this.waiting = waiting.filter((one) => one.queue !== queue);
    for (const one of waiting) if (one.queue === queue) this.whenLoaded(queue, one.onLoaded);
    if (queue.isDeleted) return;
    if (queue.rules.isActive || queue.rules.canExpire) queue.rules.apply();
    queue.wake();
  }

  private start(queue: Queue): void {
    if (queue.isDeleted || queue.ready.isEmpty) {
      queue.isLoading = false;
      return;
    }
    const read = this.spares.pop() ?? new Read();
    this.number += 1;
    read.reset(this.number, queue);
    const isNeeded = queue.ready.peek() < 0;
    // The head may have been asked for and not have come, because it was moved meanwhile.
    if (isNeeded) queue.ready.forgetLoaded();
    this.gather(read, queue);
    if (isNeeded) {
      while (read.count === 0 && this.makeRoom(queue)) this.gather(read, queue);
    }
    if (read.count === 0) {
      this.spares.push(read);
      // A release of slab memory comes as a record, and with it another turn.
      if (isNeeded) this.wanting.push(queue);
      else queue.isLoading = false;
      return;
    }
    this.underway.set(read.number, read);
    this.options.log.read(read);
  }

  /**
   * Nothing fits, because the slab is full: of messages on their way to clients, which will be
   * released, or of messages that others had loaded and cannot deliver. Those go back; false when
   * there are none.
   */
  private makeRoom(queue: Queue): boolean {
    const { queues, store, slabOwner } = this.options;
    for (const other of queues.values()) {
      if (other === queue || other.isLoading) continue;
      if (unload(other, store, slabOwner) > 0) return true;
    }
    return false;
  }

  /** Fills a read with the next messages of the queue that are on disk. */
  private gather(read: Read, queue: Queue): void {
    queue.loadWindow = windowMessages(queue);
    this.filling = { read, messagesMax: queue.loadWindow };
    queue.ready.showOnDisk(this);
  }

  /** From the queue's ready messages: the next one that is on disk. */
  see(handle: number, position: number, hint: number): boolean {
    const { read, messagesMax } = this.filling!;
    return read.count < messagesMax && this.add(read, ~handle, position, hint);
  }

  /** Adds a message to a read; false when it has no room for it. */
  private add(read: Read, row: number, position: number, hint: number): boolean {
    const { records, inlineBytesMax } = this.options;
    const dataBytes = records.dataBytes(row);
    const isLarge = dataBytes > inlineBytesMax;
    const inlineBytes = READ_HEAD_BYTES + alignTo8(isLarge ? EXRK_BYTES_MAX : dataBytes);
    if (read.usedBytes + inlineBytes > TARGET_BYTES) return false;
    let page = NO_PAGE;
    const firstPart = read.partCount;
    if (isLarge) {
      page = this.reserve(read, dataBytes);
      if (page === NO_PAGE) return false;
    }
    const at = read.count * READ_COLUMNS;
    read.rows[at + READ_POSITION] = records.position(row);
    read.rows[at + READ_INNER] = records.inner(row);
    read.rows[at + READ_DATA_BYTES] = dataBytes;
    read.rows[at + READ_AT] = read.usedBytes;
    read.rows[at + READ_FIRST_PART] = firstPart;
    read.rows[at + READ_PART_COUNT] = read.partCount - firstPart;
    const own = read.count * MESSAGE_COLUMNS;
    read.messages[own] = row;
    read.messages[own + 1] = position;
    read.messages[own + 2] = page;
    read.messages[own + 3] = hint;
    read.usedBytes += inlineBytes;
    read.count += 1;
    return true;
  }

  /** Slab pages for a large message, as parts of the read; NO_PAGE when there are none now. */
  private reserve(read: Read, dataBytes: number): number {
    const { slab, slabOwner } = this.options;
    if (read.slabBytes > 0 && read.slabBytes + dataBytes > SLAB_BYTES_MAX) return NO_PAGE;
    read.makeRoomForParts(Math.ceil(dataBytes / SLAB_PAGE_BYTES));
    // Exchange and routing key do not go there, but how long they are is not known here.
    const page = slab.allocate(dataBytes);
    if (page === NO_PAGE) return NO_PAGE;
    this.cursor.open(slab.slab, page);
    let left = dataBytes;
    while (left > 0) {
      const bytes = this.cursor.next(left);
      const part = read.partCount * PART_COLUMNS;
      read.parts[part] = slabOwner + 1;
      read.parts[part + 1] = this.cursor.at;
      read.parts[part + 2] = bytes;
      read.partCount += 1;
      left -= bytes;
    }
    read.slabBytes += dataBytes;
    return page;
  }

  /** Cleaning has moved it meanwhile, and its old segment may be another one by now. */
  private hasMoved(read: Read, i: number, row: number): boolean {
    const { records } = this.options;
    const at = i * READ_COLUMNS;
    return (
      records.position(row) !== read.rows[at + READ_POSITION] ||
      records.inner(row) !== read.rows[at + READ_INNER]
    );
  }

  /** Puts a message that was read into the store and its queue. */
  private take(read: Read, queue: Queue, i: number): void {
    const own = i * MESSAGE_COLUMNS;
    const row = read.messages[own];
    const position = read.messages[own + 1];
    const page = read.messages[own + 2];
    const hint = read.messages[own + 3];
    const { slab, slabOwner, store } = this.options;
    const isWanted = !queue.isDeleted && holdsOnDisk(queue, position, row, hint);
    if (!isWanted || read.status[i] !== STATUS_OK) {
      if (page !== NO_PAGE) slab.release(page);
      if (!isWanted || this.hasMoved(read, i, row)) return;
      withdraw(queue, position, ~row);
      this.options.onLost(queue, position);
      return;
    }
    const at = read.rows[i * READ_COLUMNS + READ_AT];
    const { message } = this;
    takeRead(message, read, at, this.options.records, row, page);
    message.slabOwner = slabOwner;
    const handle = store.add(message, 1);
    store.setLog(handle, row);
    loaded(queue, position, row, handle, hint);
  }
}

/** As many messages as the queue's consumers may take soon. */
function windowMessages(queue: Queue): number {
  // What an exchange keeps is asked for as a whole.
  if (queue.spec.companion !== undefined) return MESSAGES_MAX;
  let messages = MESSAGES_MIN;
  for (const consumer of queue.consumers) {
    if (consumer.prefetch === 0) return MESSAGES_MAX;
    messages += consumer.prefetch * 2;
  }
  return Math.min(messages, MESSAGES_MAX);
}
