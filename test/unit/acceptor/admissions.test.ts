// Turns of new connections, with a clock moved by hand: who is read at once, who later, in which order.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Admissions } from '../../../src/acceptor/admissions.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});

afterEach(() => vi.useRealTimers());

/** Connections that arrive; `admitted` has the numbers of those that are read, in order. */
class Arrivals {
  readonly admitted: number[] = [];
  readonly connections: { isUsable: boolean }[] = [];
  private readonly admissions: Admissions;

  constructor(perSecond: number) {
    this.admissions = new Admissions(perSecond);
  }

  async arrive(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const number = this.connections.length;
      let waits = false;
      const whileWaiting = (run: () => Promise<void>): void => {
        waits = true;
        void run().then(() => this.admitted.push(number));
      };
      const connection = { isUsable: true, flow: { whileWaiting } };
      this.connections.push(connection);
      this.admissions.arrived(connection);
      await Promise.resolve();
      if (!waits) this.admitted.push(number);
    }
  }

  stop(): void {
    this.admissions.stop();
  }
}

describe('admissions', () => {
  it('let all in at once without a limit', async () => {
    const arrivals = new Arrivals(0);
    await arrivals.arrive(100);
    expect(arrivals.admitted).toHaveLength(100);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('let half a second’s worth in at once and the others at the rate, in order', async () => {
    const arrivals = new Arrivals(10);
    await arrivals.arrive(25);
    expect(arrivals.admitted).toHaveLength(5);
    await vi.advanceTimersByTimeAsync(1000);
    expect(arrivals.admitted.length).toBeGreaterThanOrEqual(14);
    expect(arrivals.admitted.length).toBeLessThanOrEqual(16);
    await vi.advanceTimersByTimeAsync(1100);
    expect(arrivals.admitted).toEqual(Array.from({ length: 25 }, (_, index) => index));
    expect(vi.getTimerCount()).toBe(0);
  });

  it('let nobody overtake who waits', async () => {
    const arrivals = new Arrivals(2);
    await arrivals.arrive(3);
    // There is a turn again, and the timer has not yet given it to who waits.
    const faked = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(faked + 10_000);
    await arrivals.arrive(1);
    expect(arrivals.admitted).toEqual([0]);
    vi.mocked(performance.now).mockRestore();
    await vi.advanceTimersByTimeAsync(5000);
    expect(arrivals.admitted).toEqual([0, 1, 2, 3]);
  });

  it('give no turn to who has left', async () => {
    const arrivals = new Arrivals(2);
    await arrivals.arrive(5);
    expect(arrivals.admitted).toEqual([0]);
    for (const index of [1, 2, 3]) arrivals.connections[index].isUsable = false;
    await vi.advanceTimersByTimeAsync(510);
    expect(arrivals.admitted).toContain(4);
  });

  it('stop with the acceptor', async () => {
    const arrivals = new Arrivals(1);
    await arrivals.arrive(3);
    expect(vi.getTimerCount()).toBe(1);
    arrivals.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
