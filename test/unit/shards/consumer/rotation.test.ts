// Rotation against arrays: one per priority, turns taken by moving the head to the end.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Consumer } from '../../../../shards/consumer/consumer.ts';
import { Rotation } from '../../../../shards/consumer/rotation.ts';

const PRIORITIES = [-3, 0, 0, 1, 10];

function consumer(id: number): Consumer {
  const priority = PRIORITIES[id % PRIORITIES.length];
  return { id, priority, next: null, previous: null } as unknown as Consumer;
}

class Model {
  readonly rotation = new Rotation();
  private readonly consumers = Array.from({ length: 15 }, (_, id) => consumer(id));
  private readonly levels = new Map<number, Consumer[]>();

  toggle(id: number): void {
    const member = this.consumers[id];
    const level = this.level(member.priority);
    const at = level.indexOf(member);
    if (at < 0) {
      this.rotation.add(member);
      level.push(member);
    } else {
      this.rotation.remove(member);
      level.splice(at, 1);
    }
  }

  advance(): void {
    const first = this.first();
    if (first === null) return;
    this.rotation.advance(first);
    const level = this.level(first.priority);
    level.push(level.shift()!);
  }

  first(): Consumer | null {
    const priorities = [...this.levels.keys()].sort((a, b) => b - a);
    for (const priority of priorities) {
      const [head] = this.level(priority);
      if (head !== undefined) return head;
    }
    return null;
  }

  private level(priority: number): Consumer[] {
    const level = this.levels.get(priority) ?? [];
    this.levels.set(priority, level);
    return level;
  }
}

describe('Rotation', () => {
  it('takes turns within the highest priority that has anybody', () => {
    const action = fc.oneof(fc.nat(14), fc.constant('advance' as const));
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const model = new Model();
        for (const step of actions) {
          if (step === 'advance') model.advance();
          else model.toggle(step);
          expect(model.rotation.peek()).toBe(model.first());
        }
      }),
    );
  });

  it('keeps no level for priorities that have gone', () => {
    const rotation = new Rotation();
    for (let priority = 0; priority < 1000; priority += 1) {
      const member = { ...consumer(0), priority } as Consumer;
      rotation.add(member);
      rotation.remove(member);
    }
    expect((rotation as unknown as { levels: unknown[] }).levels.length).toBeLessThan(5);
  });
});
