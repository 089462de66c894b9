// How threads wake each other: one doorbell per thread, whatever the number of its rings.
//
//   word  0   sequence, bumped by the producer that wakes the owner
//   word 32   asleep, 1 while the owner is about to sleep or sleeps
//
// The owner stores asleep = 1 and then looks at its rings once more; a producer publishes and then
// looks at asleep. All four are sequentially consistent, so at least one side sees the other: no
// wake-up is lost. A wake-up costs the producer 10-30 us, so only the one that turns asleep from 1
// to 0 pays for it; while the owner is awake a ring costs one Atomics.load.

const SEQUENCE_WORD = 0;
const ASLEEP_WORD = 32;
const DOORBELL_BYTES = 256;

export function allocateDoorbell(): SharedArrayBuffer {
  return new SharedArrayBuffer(DOORBELL_BYTES);
}

/** The side that rings: any thread but the owner. */
export class DoorbellRinger {
  private readonly cells: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.cells = new Int32Array(memory);
  }

  /** Wakes the owner if it sleeps. Call after publishing, once per batch. */
  ring(): void {
    if (Atomics.load(this.cells, ASLEEP_WORD) === 0) return;
    if (Atomics.exchange(this.cells, ASLEEP_WORD, 0) === 0) return;
    Atomics.add(this.cells, SEQUENCE_WORD, 1);
    Atomics.notify(this.cells, SEQUENCE_WORD);
  }
}

/** The owner's side. At most one wait is outstanding per thread (V8 keeps each until notified). */
export class DoorbellOwner {
  private readonly cells: Int32Array<SharedArrayBuffer>;
  private isWaiting: boolean;

  constructor(memory: SharedArrayBuffer) {
    this.cells = new Int32Array(memory);
    this.isWaiting = false;
  }

  /** Announces sleep. The owner must look at its rings after this and before `wait`. */
  announceSleep(): void {
    Atomics.store(this.cells, ASLEEP_WORD, 1);
  }

  cancelSleep(): void {
    Atomics.store(this.cells, ASLEEP_WORD, 0);
  }

  /** Calls `onRing` after the next ring. Does not keep the event loop alive by itself. */
  wait(onRing: () => void): void {
    if (this.isWaiting) return;
    const sequence = Atomics.load(this.cells, SEQUENCE_WORD);
    // A ring between announceSleep and here has already set asleep back to 0.
    if (Atomics.load(this.cells, ASLEEP_WORD) === 0) {
      onRing();
      return;
    }
    const waiting = Atomics.waitAsync(this.cells, SEQUENCE_WORD, sequence);
    if (!waiting.async) {
      onRing();
      return;
    }
    this.isWaiting = true;
    void waiting.value.then(() => {
      this.isWaiting = false;
      onRing();
    });
  }
}
