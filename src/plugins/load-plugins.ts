// Finds and imports the plugins that the configuration names. Main, and each acceptor with what
// main has found. A plugin that cannot be loaded stops the start, with its name and the reason,
// unless plugins.on_error is skip. Plugins run with all rights of the broker.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Logger } from '../base/logger.ts';
import type { BrokerConfig, PluginSetting } from '../config/broker-config.ts';
import { PluginError } from '../errors/plugin-error.ts';
import type { Plugin } from './plugin.ts';
import { pluginProblem } from './plugin-check.ts';

/** Where a plugin's module is. Plain data: acceptors are told. */
export interface PluginSource {
  readonly setting: PluginSetting;
  readonly url: string;
}

export interface LoadedPlugin {
  readonly source: PluginSource;
  readonly plugin: Plugin;
}

/** The plugins of the configuration, in its order. Main. */
export async function loadPlugins(
  config: Pick<BrokerConfig, 'plugins' | 'pluginsOnError' | 'dataDir'>,
  log: Pick<Logger, 'error'>,
): Promise<LoadedPlugin[]> {
  return await loadEach(config.plugins, config.pluginsOnError, log, (setting) => ({
    setting,
    url: locate(setting.module, config.dataDir),
  }));
}

/** The same plugins in another thread. */
export async function importPlugins(
  sources: readonly PluginSource[],
  onError: BrokerConfig['pluginsOnError'],
  log: Pick<Logger, 'error'>,
): Promise<LoadedPlugin[]> {
  const settings = sources.map(({ setting }) => setting);
  return await loadEach(settings, onError, log, (setting) => sources[settings.indexOf(setting)]);
}

async function loadEach(
  settings: readonly PluginSetting[],
  onError: BrokerConfig['pluginsOnError'],
  log: Pick<Logger, 'error'>,
  sourceOf: (setting: PluginSetting) => PluginSource,
): Promise<LoadedPlugin[]> {
  const loaded: LoadedPlugin[] = [];
  for (const setting of settings) {
    try {
      const source = sourceOf(setting);
      const plugin = await importPlugin(source.url);
      assertNew(plugin, loaded);
      loaded.push({ source, plugin });
    } catch (error) {
      const failure = new PluginError(setting.module, `plugins.${setting.name}`, error);
      if (onError === 'stop') throw failure;
      log.error('a plugin is left out', { error: failure });
    }
  }
  return loaded;
}

/** A path if it looks like one, else a package: of the data directory first, then of the broker. */
function locate(module: string, dataDir: string): string {
  if (path.isAbsolute(module) || /^\.{1,2}[\\/]/u.test(module)) {
    return pathToFileURL(path.resolve(dataDir, module)).href;
  }
  try {
    return resolveFrom(path.join(dataDir, 'plugins.js'), module);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    return resolveFrom(import.meta.filename, module);
  }
}

function resolveFrom(file: string, module: string): string {
  return pathToFileURL(createRequire(file).resolve(module)).href;
}

async function importPlugin(url: string): Promise<Plugin> {
  const { default: exported } = (await import(url)) as { readonly default?: unknown };
  const problem = pluginProblem(exported);
  if (problem !== undefined) throw new Error(problem);
  return exported as Plugin;
}

function assertNew({ name, exchangeTypes }: Plugin, loaded: readonly LoadedPlugin[]): void {
  const types = new Set(exchangeTypes?.map((type) => type.name));
  if (types.size < (exchangeTypes?.length ?? 0)) {
    throw new Error('it has two exchange types of one name');
  }
  for (const { plugin, source } of loaded) {
    if (plugin.name === name) {
      throw new Error(`plugins.${source.setting.name} is a plugin of the same name, '${name}'`);
    }
    const taken = plugin.exchangeTypes?.find((type) => types.has(type.name));
    if (taken === undefined) continue;
    throw new Error(`exchange type '${taken.name}' is that of plugin '${plugin.name}' already`);
  }
}
