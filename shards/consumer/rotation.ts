// The active consumers of one queue: those of the highest priority first (consume argument
// x-priority, https://www.rabbitmq.com/docs/consumer-priority), taking turns within a priority.
// Blocked consumers are not here, so the next one is found in constant time. Shard thread.
import type { Consumer } from './consumer.ts';

class Level {
  readonly priority: number;
  /** Whose turn it is; a circular doubly linked list. */
  turn: Consumer | null;

  constructor(priority: number) {
    this.priority = priority;
    this.turn = null;
  }
}

export class Rotation {
  /** Highest priority first. */
  private readonly levels: Level[];

  constructor() {
    this.levels = [];
  }

  /** The consumer whose turn it is, or null when none is active. */
  peek(): Consumer | null {
    for (let i = 0; i < this.levels.length; i += 1) {
      const turn = this.levels[i].turn;
      if (turn !== null) return turn;
    }
    return null;
  }

  /** Ends the turn of `consumer`, which is active. */
  advance(consumer: Consumer): void {
    if (consumer.next === consumer) return;
    this.levelOf(consumer).turn = consumer.next;
  }

  /** Adds a consumer behind all others of its priority. */
  add(consumer: Consumer): void {
    const level = this.levelOf(consumer);
    const first = level.turn;
    if (first === null) {
      consumer.next = consumer;
      consumer.previous = consumer;
      level.turn = consumer;
      return;
    }
    const last = first.previous!;
    consumer.previous = last;
    consumer.next = first;
    last.next = consumer;
    first.previous = consumer;
  }

  /** Takes an active consumer out. */
  remove(consumer: Consumer): void {
    const level = this.levelOf(consumer);
    const next = consumer.next!;
    if (next === consumer) {
      level.turn = null;
    } else {
      next.previous = consumer.previous;
      consumer.previous!.next = next;
      if (level.turn === consumer) level.turn = next;
    }
    consumer.next = null;
    consumer.previous = null;
  }

  private levelOf(consumer: Consumer): Level {
    const levels = this.levels;
    let at = 0;
    while (at < levels.length && levels[at].priority > consumer.priority) at += 1;
    if (at < levels.length && levels[at].priority === consumer.priority) return levels[at];
    // Levels nobody is in make way, so that hostile priorities do not pile up.
    for (let i = levels.length - 1; i >= 0; i -= 1) {
      if (levels[i].turn !== null) continue;
      levels.splice(i, 1);
      if (i < at) at -= 1;
    }
    const level = new Level(consumer.priority);
    levels.splice(at, 0, level);
    return level;
  }
}
