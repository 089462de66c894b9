// What main has of the plugins: their exchange types, so that it knows names and checks
// declarations, their auth backends, and their event listeners. Main thread.
import type { AuthBackend } from '../auth/backend.ts';
import type { Logger } from '../base/logger.ts';
import { addExchangeType } from '../routing/exchange-types.ts';
import { EventQueue } from './event-queue.ts';
import type { LoadedPlugin, PluginSource } from './load-plugins.ts';
import type { BrokerEvent } from './plugin.ts';
import { pluginExchangeType } from './plugin-exchange-type.ts';
import { PluginFaults } from './plugin-faults.ts';

export class MainPlugins {
  private readonly faults: PluginFaults;
  /** For the other threads. */
  readonly sources: readonly PluginSource[];
  /** Name and version of each. */
  readonly names: readonly string[];
  readonly authBackends: readonly AuthBackend[];
  private readonly listeners: readonly EventQueue[];

  constructor(loaded: readonly LoadedPlugin[], log: Pick<Logger, 'error'>) {
    this.faults = new PluginFaults(log);
    this.sources = loaded.map(({ source }) => source);
    this.names = loaded.map(({ plugin }) => `${plugin.name} ${plugin.version}`);
    addExchangeTypes(loaded, this.faults);
    this.authBackends = loaded.flatMap(({ plugin: { name, authBackends } }) =>
      (authBackends ?? []).map((backend) => guarded(name, backend, this.faults)),
    );
    this.listeners = loaded.flatMap(({ plugin: { name, eventListeners } }) =>
      (eventListeners ?? []).map((listener) => new EventQueue(name, listener, this.faults)),
    );
  }

  get hasListeners(): boolean {
    return this.listeners.length > 0;
  }

  /** Calls in this thread that have failed. */
  get faultCount(): number {
    return this.faults.count;
  }

  /** Events that listeners were too slow for. */
  get droppedEventCount(): number {
    return this.listeners.reduce((sum, { droppedCount }) => sum + droppedCount, 0);
  }

  happened(event: BrokerEvent): void {
    for (const listener of this.listeners) listener.offer(event);
  }
}

/** The backend, with what it throws counted and logged; it is as good as a refusal. */
function guarded(plugin: string, backend: AuthBackend, faults: PluginFaults): AuthBackend {
  return {
    name: backend.name,
    authenticate: async (login) => {
      try {
        return await backend.authenticate(login);
      } catch (error) {
        faults.caught(plugin, `authenticate() of ${backend.name}`, error);
        return undefined;
      }
    },
  };
}

/** Makes the exchange types of plugins known to this thread. */
export function addExchangeTypes(loaded: readonly LoadedPlugin[], faults: PluginFaults): void {
  for (const { plugin } of loaded) {
    for (const type of plugin.exchangeTypes ?? []) {
      addExchangeType(pluginExchangeType(plugin.name, type, faults));
    }
  }
}
