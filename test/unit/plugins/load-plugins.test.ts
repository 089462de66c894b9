// Finding and importing plugins: by path, by package, and what is said about those that are none.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importPlugins, loadPlugins } from '../../../src/plugins/load-plugins.ts';

let dataDir = '';
beforeAll(() => {
  dataDir = mkdtempSync(path.join(os.tmpdir(), 'warrenmq-plugins-'));
});
afterAll(() => rmSync(dataDir, { recursive: true }));

const plugin = (name: string, more = '') =>
  `export default { name: '${name}', version: '1', ${more} };`;
const type = (name: string) => `exchangeTypes: [{ name: '${name}', createRouter() {} }]`;

/** Writes a file into the data directory. */
function write(name: string, text: string): string {
  const file = path.join(dataDir, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const logged: string[] = [];
const log = {
  error: (_message: string, fields?: object) => logged.push(String(Object.values(fields!)[0])),
};

async function load(onError: 'stop' | 'skip', ...modules: readonly string[]): Promise<string[]> {
  const plugins = modules.map((module, index) => ({ name: String(index + 1), module }));
  const config = { plugins, pluginsOnError: onError, dataDir };
  const loaded = await loadPlugins(config, log);
  const again = await importPlugins(
    loaded.map(({ source }) => structuredClone(source)),
    onError,
    log,
  );
  expect(again.map((one) => one.plugin)).toEqual(loaded.map((one) => one.plugin));
  return loaded.map((one) => one.plugin.name);
}

describe('a plugin', () => {
  it('is loaded by path, from the data directory or absolute, and by package', async () => {
    write('a.mjs', plugin('a'));
    const absolute = write('deep/b.mjs', plugin('b'));
    write('node_modules/warrenmq-plugin-c/index.mjs', plugin('c'));
    const manifest = { name: 'warrenmq-plugin-c', type: 'module', exports: './index.mjs' };
    write('node_modules/warrenmq-plugin-c/package.json', JSON.stringify(manifest));
    const names = await load('stop', './a.mjs', absolute, 'warrenmq-plugin-c');
    expect(names).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['throws.mjs', "throw new Error('out of ideas');", 'out of ideas'],
    ['none.mjs', 'export const name = 1;', 'its default export is missing, expected an object'],
    ['number.mjs', 'export default 7;', 'its default export is number, expected an object'],
    ['nameless.mjs', 'export default { version: "1" };', "its 'name' must be a text"],
    ['old.mjs', 'export default { name: "x" };', "its 'version' must be a text"],
    ['list.mjs', plugin('x', 'eventListeners: {}'), "its 'eventListeners' must be an array"],
    [
      'method.mjs',
      plugin('x', 'messageInterceptors: [{ onpublish() {} }]'),
      "its 'messageInterceptors[0]' lacks the method onPublish()",
    ],
    [
      'optional.mjs',
      plugin('x', "exchangeTypes: [{ name: 'x-y', createRouter() {}, validate: true }]"),
      "its 'exchangeTypes[0]' lacks the method validate()",
    ],
    [
      'login.mjs',
      plugin('x', "authBackends: [{ name: 'ldap' }]"),
      "its 'authBackends[0]' lacks the method authenticate()",
    ],
    ['taken.mjs', plugin('x', type('topic')), "exchange type 'topic' exists already"],
    ['unnamed.mjs', plugin('x', type('')), "an exchange type's 'name' must be a text"],
  ])('stops the start, with the reason: %s', async (name, text, reason) => {
    write(name, text);
    const failure = `plugin './${name}' (plugins.1) cannot be loaded: ${reason}`;
    await expect(load('stop', `./${name}`)).rejects.toThrow(failure);
    logged.length = 0;
    write('good.mjs', plugin('good'));
    expect(await load('skip', `./${name}`, './good.mjs')).toEqual(['good']);
    expect(logged).toEqual([`PluginError: ${failure}`]);
  });

  it('that is not there is named with the place it was looked for', async () => {
    await expect(load('stop', './nowhere.mjs')).rejects.toThrow('nowhere.mjs');
    await expect(load('stop', 'warrenmq-plugin-nowhere')).rejects.toThrow(
      "plugin 'warrenmq-plugin-nowhere' (plugins.1) cannot be loaded: Cannot find module",
    );
  });

  it('may not have the name of another, nor its exchange type', async () => {
    write('one.mjs', plugin('one', type('x-one')));
    write('same.mjs', plugin('one'));
    write('type.mjs', plugin('two', type('x-one')));
    write('twice.mjs', plugin('three', type('x-a').replace(']', `, ${type('x-a').slice(16)}`)));
    await expect(load('stop', './one.mjs', './same.mjs')).rejects.toThrow(
      "plugins.1 is a plugin of the same name, 'one'",
    );
    await expect(load('stop', './one.mjs', './type.mjs')).rejects.toThrow(
      "exchange type 'x-one' is that of plugin 'one' already",
    );
    await expect(load('stop', './twice.mjs')).rejects.toThrow('two exchange types of one name');
  });
});
