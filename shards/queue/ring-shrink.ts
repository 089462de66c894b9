// When a ring of messages that once was long gives its memory back: when it has run empty often
// enough without having used more than a part of it. At the first time would be too soon: a queue
// whose backlog comes and goes would allocate all the time, and its shard collect garbage (a tenth
// of its time). Shard thread, hot: asked whenever a long ring runs empty.

export const INITIAL_SLOTS = 16;
/** Shorter rings stay as they are; their owners do not ask. */
export const SHRINK_SLOTS_MIN = 4096;
const AFTER_EMPTIES = 1024;
const DIVISOR = 8;

export class RingShrink {
  /** Where the ring last ran empty, and how often since it was long. */
  private emptyAt: number;
  private shallowEmpties: number;

  constructor() {
    this.emptyAt = 0;
    this.shallowEmpties = 0;
  }

  /** The ring begins at `head` for the first time. */
  begin(head: number): void {
    this.emptyAt = head;
  }

  /** The ring of `slotCount` has run empty at `head`: how many slots it should have. */
  slotsAt(head: number, slotCount: number): number {
    // What has passed since the last time bounds how long the ring can have been.
    const passed = (head - this.emptyAt) | 0;
    this.emptyAt = head;
    if (passed > slotCount / DIVISOR) this.shallowEmpties = 0;
    else this.shallowEmpties += 1;
    if (this.shallowEmpties < AFTER_EMPTIES) return slotCount;
    this.shallowEmpties = 0;
    return Math.max(INITIAL_SLOTS, slotCount / DIVISOR);
  }
}
