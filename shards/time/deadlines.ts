// What is to happen at a certain time on a shard: messages expire, queues do. Shard thread. A heap
// by due time, and one timer for its top, so that a sleeping shard wakes; nothing runs from the
// timer itself, only in the shard's turn. Times are Unix milliseconds, read once per turn.

/**
 * Longer waits are cut in pieces: setTimeout takes 31 bits, and neither a clock that was set nor a
 * machine that slept moves it.
 */
const TIMER_MILLIS_MAX = 30_000;
const NOT_ARMED = -1;

/** One thing that is to be done when its time has come; it can be armed again and again. */
export class Deadline {
  /** What `due` asks for. Arms again whatever is still to come. */
  readonly act: () => void;
  due: number;
  /** Where it stands in the heap, NOT_ARMED when it does not. */
  index: number;

  constructor(act: () => void) {
    this.act = act;
    this.due = 0;
    this.index = NOT_ARMED;
  }

  get isArmed(): boolean {
    return this.index !== NOT_ARMED;
  }
}

export class Deadlines {
  /** The time of this turn. */
  now: number;
  /** Set by the worker: asks for a turn of the shard. */
  schedule: () => void;
  private readonly heap: Deadline[];
  private timer: NodeJS.Timeout | undefined;
  private timerDue: number;

  constructor() {
    this.now = Date.now();
    this.schedule = () => {};
    this.heap = [];
    this.timer = undefined;
    this.timerDue = Number.POSITIVE_INFINITY;
  }

  get armedCount(): number {
    return this.heap.length;
  }

  /** Acts on what is due. Call at the beginning of each turn. */
  turn(): void {
    this.now = Date.now();
    const { heap } = this;
    while (heap.length > 0 && heap[0].due <= this.now) {
      const deadline = heap[0];
      this.disarm(deadline);
      deadline.act();
    }
    if (heap.length > 0 && heap[0].due < this.timerDue) this.setTimer(heap[0].due);
  }

  /** It is to act at `due`, or already is to sooner. */
  armAt(deadline: Deadline, due: number): void {
    if (deadline.isArmed) {
      if (deadline.due <= due) return;
      deadline.due = due;
      this.rise(deadline, deadline.index);
    } else {
      deadline.due = due;
      this.heap.push(deadline);
      this.rise(deadline, this.heap.length - 1);
    }
    if (due < this.timerDue) this.setTimer(due);
  }

  disarm(deadline: Deadline): void {
    const { index } = deadline;
    if (index === NOT_ARMED) return;
    deadline.index = NOT_ARMED;
    const last = this.heap.pop()!;
    if (last === deadline) return;
    this.rise(last, index);
    this.sink(last, last.index);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private setTimer(due: number): void {
    clearTimeout(this.timer);
    this.timerDue = due;
    const millis = Math.min(Math.max(due - Date.now(), 0), TIMER_MILLIS_MAX);
    this.timer = setTimeout(() => {
      this.timerDue = Number.POSITIVE_INFINITY;
      this.schedule();
    }, millis);
  }

  private rise(deadline: Deadline, from: number): void {
    const { heap } = this;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent].due <= deadline.due) break;
      this.place(heap[parent], index);
      index = parent;
    }
    this.place(deadline, index);
  }

  private sink(deadline: Deadline, from: number): void {
    const { heap } = this;
    let index = from;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].due < heap[child].due) child += 1;
      if (heap[child].due >= deadline.due) break;
      this.place(heap[child], index);
      index = child;
    }
    this.place(deadline, index);
  }

  private place(deadline: Deadline, index: number): void {
    this.heap[index] = deadline;
    deadline.index = index;
  }
}
