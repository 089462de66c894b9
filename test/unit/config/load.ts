// Test support: loads a configuration from literals, with a file system of one map.
import { type LoadedConfig, loadConfig } from '../../../src/config/load-config.ts';
import type { ParsedFlags } from '../../../src/config/setting.ts';
import { ConfigError } from '../../../src/errors/config-errors.ts';

export interface Given {
  readonly args?: ParsedFlags;
  readonly env?: Record<string, string | undefined>;
  /** The text of /srv/w.conf, which --config names unless `args` name another file. */
  readonly file?: string;
  readonly files?: Record<string, string>;
  readonly cores?: number;
}

export function load(given: Given): LoadedConfig {
  const files = new Map(Object.entries(given.files ?? {}));
  if (given.file !== undefined) files.set('/srv/w.conf', given.file);
  return loadConfig({
    args: given.file === undefined ? (given.args ?? {}) : { config: 'w.conf', ...given.args },
    env: given.env ?? {},
    cwd: '/srv',
    cores: given.cores ?? 4,
    readFile: (path) => {
      const text = files.get(path);
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return text;
    },
  });
}

/** The problems of a configuration that must not load. */
export function problemsOf(given: Given): readonly string[] {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('the configuration was accepted');
}
