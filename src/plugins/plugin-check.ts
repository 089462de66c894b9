// Whether what a module exports is a plugin. Any thread that loads plugins, pure. Better an early
// and exact text than a TypeError when the first message comes.
import { exchangeType } from '../routing/exchange-types.ts';

/** What is wrong with a module's default export; undefined: it is a plugin. */
export function pluginProblem(exported: unknown): string | undefined {
  if (!isObject(exported)) {
    const found = exported === undefined ? 'missing' : typeof exported;
    return `its default export is ${found}, expected an object`;
  }
  for (const name of ['name', 'version']) {
    const value = exported[name];
    if (typeof value !== 'string' || value === '') return `its '${name}' must be a text`;
  }
  return (
    partsProblem(exported, 'exchangeTypes', ['createRouter'], ['validate', 'validateBinding']) ??
    typeNameProblem(exported['exchangeTypes']) ??
    partsProblem(exported, 'authBackends', ['authenticate']) ??
    partsProblem(exported, 'messageInterceptors', ['onPublish']) ??
    partsProblem(exported, 'eventListeners', ['onEvent'])
  );
}

/** A list, if it is there, of objects that have these methods, and perhaps those. */
function partsProblem(
  exported: Record<string, unknown>,
  list: string,
  methods: readonly string[],
  optionalMethods: readonly string[] = [],
): string | undefined {
  const parts = exported[list];
  if (parts === undefined) return undefined;
  if (!Array.isArray(parts)) return `its '${list}' must be an array`;
  for (const [index, part] of parts.entries()) {
    if (!isObject(part)) return `its '${list}[${index}]' must be an object`;
    for (const method of [...methods, ...optionalMethods]) {
      const value = part[method];
      if (value === undefined && optionalMethods.includes(method)) continue;
      if (typeof value !== 'function')
        return `its '${list}[${index}]' lacks the method ${method}()`;
    }
  }
  return undefined;
}

function typeNameProblem(types: unknown): string | undefined {
  for (const { name } of (types ?? []) as { readonly name?: unknown }[]) {
    if (typeof name !== 'string' || name === '') return `an exchange type's 'name' must be a text`;
    if (exchangeType(name) !== undefined) return `exchange type '${name}' exists already`;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
