// What an acceptor has of the plugins: their exchange types, which route here, and their message
// interceptors. Acceptor thread; made before anything is routed.
import type { Logger } from '../base/logger.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import { Interceptors } from './interceptors.ts';
import { importPlugins, type PluginSource } from './load-plugins.ts';
import { addExchangeTypes } from './main-plugins.ts';
import { PluginFaults } from './plugin-faults.ts';

export interface AcceptorPlugins {
  readonly faults: PluginFaults;
  readonly interceptors: Interceptors;
}

export async function acceptorPlugins(
  sources: readonly PluginSource[],
  onError: BrokerConfig['pluginsOnError'],
  log: Pick<Logger, 'error'>,
): Promise<AcceptorPlugins> {
  const faults = new PluginFaults(log);
  const loaded = await importPlugins(sources, onError, log);
  addExchangeTypes(loaded, faults);
  const interceptors = loaded.flatMap(({ plugin: { name, messageInterceptors } }) =>
    (messageInterceptors ?? []).map((interceptor) => ({ plugin: name, interceptor })),
  );
  return { faults, interceptors: new Interceptors(interceptors, faults) };
}
