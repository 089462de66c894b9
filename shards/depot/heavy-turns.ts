// Lets one depot of a shard after the other do what takes megabytes of memory and many syncs. Shard
// thread, cold. What is due soon does not wait for it.
export class HeavyTurns {
  private last: Promise<unknown> = Promise.resolve();

  /** Runs `act` when nobody else's is running; resolves with what it returns. */
  async take<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.last.then(act);
    // A failure is the matter of who waits for it, not of who comes next.
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
