// The ready messages of a queue with message priorities: those of the highest priority first, and
// among equals in the order they were published (https://www.rabbitmq.com/docs/priority). Shard
// thread.
//
// A level (priority-level.ts) per priority, made when it is first used; a returned message goes
// back to its place in its level. Positions come from one counter, so a message that leaves memory
// and comes back is found by its position whatever its level is.
// Invariant: no level above `top` holds a message, and unless all is empty `top` holds one.
import { extendRanges } from './position-ranges.ts';
import { PriorityLevel } from './priority-level.ts';
import type { ReadyMessages, ReadyVisitor } from './ready-messages.ts';
import { RecoveredMarks } from './recovered-marks.ts';
import type { ReturnedHeap } from './returned-heap.ts';

export class PriorityReady implements ReadyMessages {
  private readonly levelOf: (handle: number) => number;
  /** By priority. */
  private readonly levels: (PriorityLevel | undefined)[];
  private top: number;
  private next: number;
  private readonly recovered: RecoveredMarks;
  length: number;
  onDiskCount: number;
  handle: number;
  position: number;
  deliveryCount: number;

  /** `levelOf`: the priority of a message, 0 to `priorityMax`. */
  constructor(priorityMax: number, levelOf: (handle: number) => number) {
    this.levelOf = levelOf;
    this.levels = new Array<PriorityLevel | undefined>(priorityMax + 1).fill(undefined);
    this.top = 0;
    this.next = 0;
    this.recovered = new RecoveredMarks();
    this.length = 0;
    this.onDiskCount = 0;
    this.handle = -1;
    this.position = 0;
    this.deliveryCount = 0;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  get nextPosition(): number {
    return this.next;
  }

  get redeliveredEnd(): number | undefined {
    return this.recovered.end;
  }

  get countsOfRecovered(): ReadonlyMap<number, number> {
    return this.recovered.counts;
  }

  append(handle: number): number {
    const position = this.next;
    this.next = (position + 1) | 0;
    this.used(this.levelOf(handle)).append(position, handle);
    return position;
  }

  putBack(handle: number, position: number, deliveryCount: number): void {
    this.used(this.levelOf(handle)).returned.add(position, handle, deliveryCount);
  }

  peek(): number {
    const level = this.levels[this.top]!;
    return level.returned.length > 0 ? level.returned.firstHandle() : level.ringHandle();
  }

  peekIsRedelivered(): boolean {
    const level = this.levels[this.top]!;
    const { returned } = level;
    if (returned.length > 0 && returned.firstDeliveryCount() > 0) return true;
    if (!this.recovered.isAny) return false;
    return this.recovered.has(
      returned.length > 0 ? returned.firstPosition() : level.ringPosition(),
    );
  }

  peekDeliveryCount(): number {
    const level = this.levels[this.top]!;
    const { returned } = level;
    const isReturned = returned.length > 0;
    const position = isReturned ? returned.firstPosition() : level.ringPosition();
    const count = isReturned ? returned.firstDeliveryCount() : 0;
    return count + this.recovered.countOf(position);
  }

  take(): void {
    const level = this.levels[this.top]!;
    const { returned } = level;
    if (returned.length > 0) {
      this.handle = returned.firstHandle();
      this.position = returned.firstPosition();
      this.deliveryCount = returned.firstDeliveryCount();
      returned.removeFirst();
    } else {
      this.handle = level.ringHandle();
      this.position = level.ringPosition();
      this.deliveryCount = 0;
      level.removeFirst();
      if (this.handle < 0) this.onDiskCount -= 1;
    }
    if (this.recovered.isAny) {
      this.deliveryCount += this.recovered.take(this.position);
      this.recovered.passed(this.next);
    }
    this.removed();
  }

  depthOf(position: number): number {
    let before = 0;
    for (let priority = this.top; priority >= 0; priority -= 1) {
      const level = this.levels[priority];
      if (level === undefined) continue;
      const depth = level.depthOf(position);
      if (depth >= 0) return before + depth;
      before += level.length;
    }
    return before;
  }

  at(position: number): number | undefined {
    for (let priority = this.top; priority >= 0; priority -= 1) {
      const handle = this.levels[priority]?.at(position);
      if (handle !== undefined) return handle;
    }
    return undefined;
  }

  hasReturned(position: number, handle: number, hint: number): boolean {
    return this.levels.some((level) => level?.returned.has(position, handle, hint) === true);
  }

  replace(position: number, from: number, to: number, hint: number): boolean {
    for (const level of this.levels) {
      if (level === undefined) continue;
      if (level.replace(position, from, to)) {
        if (from < 0) this.onDiskCount -= 1;
        if (to < 0) this.onDiskCount += 1;
        return true;
      }
      if (level.returned.replace(position, from, to, hint)) return true;
    }
    return false;
  }

  remove(position: number, handle: number): boolean {
    for (const level of this.levels) {
      if (level === undefined) continue;
      if (level.remove(position, handle)) {
        if (handle < 0) this.onDiskCount -= 1;
      } else if (!level.returned.remove(position, handle)) {
        continue;
      }
      this.removed();
      return true;
    }
    return false;
  }

  restore(
    positions: Int32Array,
    handles: Int32Array,
    nextPosition: number,
    redeliveredUntil: number,
    counts: ReadonlyMap<number, number>,
  ): void {
    this.recovered.restore(redeliveredUntil, counts, positions.length > 0);
    this.next = nextPosition;
    for (let i = 0; i < positions.length; i += 1) {
      this.used(this.levelOf(handles[i])).append(positions[i], handles[i]);
    }
    this.onDiskCount = positions.length;
  }

  /** Counts a level only when all of those above it are loaded. */
  get loadedCount(): number {
    let count = 0;
    for (let priority = this.top; priority >= 0; priority -= 1) {
      const level = this.levels[priority];
      if (level === undefined) continue;
      count += level.loadedCount;
      if (!level.isLoaded) break;
    }
    return count;
  }

  forgetLoaded(): void {
    for (const level of this.levels) level?.forgetLoaded();
  }

  showOnDisk(visitor: ReadyVisitor): void {
    for (let priority = this.top; priority >= 0; priority -= 1) {
      if (this.levels[priority]?.showOnDisk(visitor) === false) return;
    }
  }

  showLoaded(visitor: ReadyVisitor): void {
    for (let priority = this.top; priority >= 0; priority -= 1) {
      if (this.levels[priority]?.showLoaded(visitor) === false) return;
    }
  }

  ranges(others: readonly number[]): number[] {
    // Less the newest position, so that plain numbers are in the order of positions.
    const positions = new Int32Array(this.length + others.length);
    let end = 0;
    for (const level of this.levels) {
      if (level !== undefined) end = level.copyPositions(positions, end, this.next);
    }
    for (const [i, position] of others.entries()) positions[end + i] = position - this.next;
    positions.sort();
    const ranges: number[] = [];
    for (const position of positions) extendRanges(ranges, (position + this.next) | 0, 1);
    return ranges;
  }

  returnedHeaps(): readonly ReturnedHeap[] {
    return this.levels.flatMap((level) => (level === undefined ? [] : [level.returned]));
  }

  /** The level of `priority`, which is about to get a message. */
  private used(priority: number): PriorityLevel {
    let level = this.levels[priority];
    if (level === undefined) {
      level = new PriorityLevel();
      this.levels[priority] = level;
    }
    if (priority > this.top) this.top = priority;
    this.length += 1;
    return level;
  }

  private removed(): void {
    this.length -= 1;
    while (this.top > 0 && this.levels[this.top]?.isEmpty !== false) this.top -= 1;
  }
}
