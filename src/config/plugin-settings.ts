// The settings of plugins, and the list of them: `plugins.NAME = MODULE`. Runs in main only. They
// are loaded in the order of their names, numbers by their value, and in that order interceptors
// see a publish.
import type { PluginSetting } from './broker-config.ts';
import type { Setting } from './setting.ts';

const KEY = 'plugins';
const ORDER = new Intl.Collator('en', { numeric: true });

export const pluginSettings: readonly Setting[] = [
  // Before the list, of which it would be an entry otherwise.
  {
    key: 'plugins.on_error',
    field: 'pluginsOnError',
    type: { kind: 'choice', choices: ['stop', 'skip'], aliases: {} },
    default: 'stop',
    description:
      'What to do when a plugin cannot be loaded. stop: say so and do not start. skip: start ' +
      'without it.',
    since: '0.1.0',
  },
  {
    key: KEY,
    field: 'plugins',
    type: { kind: 'plugins' },
    default: [],
    description:
      'The plugins to load: plugins.NAME is a package or a path, absolute or from the data ' +
      'directory with ./ in front.',
    since: '0.1.0',
  },
];

/** The list after one assignment, or what the value should have been. */
export function assignPlugins(
  list: readonly PluginSetting[],
  key: string,
  value: string,
): { readonly list: readonly PluginSetting[] } | { readonly expected: string } {
  if (value === '') return { expected: 'the name of a package or a path' };
  if (key === KEY) {
    if (value === 'none') return { list: [] };
    return { expected: 'none, or have a name behind it, such as plugins.1' };
  }
  const name = key.slice(KEY.length + 1);
  const others = list.filter((plugin) => plugin.name !== name);
  const all = value === 'none' ? others : [...others, { name, module: value }];
  return { list: all.sort((one, other) => ORDER.compare(one.name, other.name)) };
}

/** The assignments that make this list again, as key and value. */
export function pluginEntries(list: readonly PluginSetting[]): (readonly [string, string])[] {
  if (list.length === 0) return [[KEY, 'none']];
  return list.map(({ name, module }) => [`${KEY}.${name}`, module] as const);
}
