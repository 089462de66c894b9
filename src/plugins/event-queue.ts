// Brings events to one listener of a plugin, one after the other, without making the broker wait.
// Main thread. A listener that is slower than the events gets those that fit a bounded queue, and
// the rest are dropped and counted.
import type { BrokerEvent, EventListener } from './plugin.ts';
import type { PluginFaults } from './plugin-faults.ts';

const WAITING_EVENTS_MAX = 1000;

export class EventQueue {
  droppedCount: number;
  private readonly plugin: string;
  private readonly listener: EventListener;
  private readonly faults: PluginFaults;
  private readonly wants: readonly ((key: string) => boolean)[] | undefined;
  private readonly waiting: BrokerEvent[];
  private isRunning: boolean;

  constructor(plugin: string, listener: EventListener, faults: PluginFaults) {
    this.droppedCount = 0;
    this.plugin = plugin;
    this.listener = listener;
    this.faults = faults;
    this.wants = listener.events?.map(keyMatches);
    this.waiting = [];
    this.isRunning = false;
  }

  offer(event: BrokerEvent): void {
    if (this.wants?.some((wants) => wants(event.key)) === false) return;
    if (this.waiting.length >= WAITING_EVENTS_MAX) {
      this.droppedCount += 1;
      return;
    }
    this.waiting.push(event);
    if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    while (this.waiting.length > 0) {
      // Never inside the call that made the event, and never for long without the event loop.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      const event = this.waiting.shift()!;
      try {
        await this.listener.onEvent(event);
      } catch (error) {
        this.faults.caught(this.plugin, `onEvent() for ${event.key}`, error);
      }
    }
    this.isRunning = false;
  }
}

/** As in a topic exchange: `*` is one word, `#` any number of them. */
function keyMatches(pattern: string): (key: string) => boolean {
  const words = pattern.split('.').map((word) => {
    if (word === '*') return '\\.[^.]+';
    if (word === '#') return '(?:\\.[^.]+)*';
    return `\\.${word.replaceAll(/[$()*+?[\\\]^{|}]/gu, '\\$&')}`;
  });
  const expression = new RegExp(`^${words.join('')}$`, 'u');
  return (key) => expression.test(`.${key}`);
}
