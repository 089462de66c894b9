// Which publishes of a channel are still unconfirmed: a ring with one byte and one intended send
// time per sequence number. Generator's process, once per confirm.
// Invariant: the oldest unconfirmed publish is less than `size` behind the next one, so the ring
// never wraps onto itself. A broker that confirms a number twice, or one never published, is
// caught.
// Source: RabbitMQ "Consumer Acknowledgements and Publisher Confirms" (numbers start at 1).
import { Histogram } from './histogram.ts';
import { monotonicMillis, type MeasuringWindow } from './measuring-window.ts';

export class ConfirmWindow {
  /** Open loop only: from the intended send time to the confirm. */
  readonly latency: Histogram;
  #next: number;
  #oldest: number;
  readonly #size: number;
  #confirmed: Uint8Array;
  #intended: Float64Array;
  readonly #window: MeasuringWindow;

  constructor(size: number, window: MeasuringWindow) {
    this.latency = new Histogram();
    this.#next = 1;
    this.#oldest = 1;
    this.#size = size;
    this.#confirmed = new Uint8Array(size);
    this.#intended = new Float64Array(size);
    this.#window = window;
  }

  get room(): number {
    return this.#size - (this.#next - this.#oldest);
  }

  /** `count` more publishes; `millis` is when they were to be sent, NaN when nobody measures. */
  published(count: number, millis: number): void {
    for (let index = 0; index < count; index += 1) {
      this.#intended[(this.#next + index) % this.#size] = millis;
    }
    this.#next += count;
  }

  /** basic.ack or basic.nack for `tag`; how many publishes it settles. */
  settle(tag: number, multiple: boolean): number {
    if (tag >= this.#next) throw new Error(`publish ${tag} was confirmed but not yet sent`);
    if (tag < this.#oldest && multiple) return 0;
    let settled = 0;
    if (multiple) {
      const now = monotonicMillis();
      for (let number = this.#oldest; number <= tag; number += 1) {
        settled += this.#take(number, now);
      }
    } else {
      if (tag >= this.#oldest) settled = this.#take(tag, monotonicMillis());
      if (settled === 0) throw new Error(`publish ${tag} was confirmed twice`);
    }
    this.#forgetSettled();
    return settled;
  }

  #take(number: number, now: number): number {
    const slot = number % this.#size;
    if (this.#confirmed[slot] === 1) return 0;
    this.#confirmed[slot] = 1;
    const millis = this.#intended[slot];
    if (this.#window.includes(millis)) this.latency.record((now - millis) * 1000, 1);
    return 1;
  }

  #forgetSettled(): void {
    while (this.#oldest < this.#next && this.#confirmed[this.#oldest % this.#size] === 1) {
      this.#confirmed[this.#oldest % this.#size] = 0;
      this.#oldest += 1;
    }
  }
}
