// Lays the sources of the configuration over each other and checks the result. Runs in main only.
// Precedence: flags and --set > environment (WARRENMQ_* over RABBITMQ_*) > file > default.
// Invariants: every problem of every source is found before the error is thrown; a returned
// configuration is frozen and complete, and `sources` has an entry for each of its keys.
import os from 'node:os';
import path from 'node:path';
import { ConfigError } from '../errors/config-errors.ts';
import { type Assignment, HOST_KEY, LAYERS, PORT_KEY } from './assignment.ts';
import type { BrokerConfig } from './broker-config.ts';
import { parseConfFile } from './conf-file.ts';
import { Draft } from './draft.ts';
import { configFileFromEnvironment, type Environment, readEnvironment } from './environment.ts';
import { readFlags } from './flags.ts';
import { nearestKey } from './nearest-key.ts';
import { rabbitmqKeyNames, rabbitmqKeyNote } from './rabbitmq-keys.ts';
import { schema, settingOf } from './schema.ts';
import type { ParsedFlags } from './setting.ts';
import { tlsWarnings } from './tls-checks.ts';

export interface ConfigInput {
  readonly args: ParsedFlags;
  readonly env: Environment;
  readonly cwd: string;
  readonly cores: number;
  /** Returns the text of a file; throws as fs.readFileSync does. */
  readonly readFile: (path: string) => string;
}

export interface LoadedConfig {
  readonly config: BrokerConfig;
  /** Key of the schema -> where its value comes from, for people. */
  readonly sources: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

export function loadConfig(input: ConfigInput): LoadedConfig {
  const problems: string[] = [];
  const warnings: string[] = [];
  const assignments: Assignment[] = [];

  readFileLayer(input, assignments, problems, warnings);
  const environment = readEnvironment(input.env);
  const flags = readFlags(input.args);
  assignments.push(...environment.assignments, ...flags.assignments);
  warnings.push(...environment.warnings);
  problems.push(...flags.problems);

  const draft = new Draft({ cores: input.cores, hostname: os.hostname() }, input.cwd);
  for (const layer of LAYERS) {
    const known = assignments.filter(
      (assignment) => assignment.layer === layer && isKnown(assignment, problems, warnings),
    );
    reportRepeats(known, problems, warnings);
    draft.apply(known, problems);
  }
  const config = draft.finish(problems);
  if (problems.length > 0) throw new ConfigError(problems);
  warnings.push(...tlsWarnings(config));
  return { config, sources: draft.sources, warnings };
}

/** What the broker does without any configuration; `overrides` are taken unchecked. */
export function defaultConfig(overrides: Partial<BrokerConfig> = {}): BrokerConfig {
  const machine = { cores: os.availableParallelism(), hostname: os.hostname() };
  const config = new Draft(machine, process.cwd()).finish([]);
  return Object.freeze({ ...config, ...overrides });
}

function readFileLayer(
  { args, env, cwd, readFile }: ConfigInput,
  assignments: Assignment[],
  problems: string[],
  warnings: string[],
): void {
  const named = args.config ?? configFileFromEnvironment(env);
  if (named === undefined) return;
  // RabbitMQ's RABBITMQ_CONFIG_FILE may leave the extension out.
  const candidates = path.extname(named) === '.conf' ? [named] : [named, `${named}.conf`];
  for (const candidate of candidates) {
    let text: string;
    try {
      text = readFile(path.resolve(cwd, candidate));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && candidate !== candidates.at(-1)) continue;
      const reason = code === 'ENOENT' ? 'it does not exist' : message;
      problems.push(`the configuration file ${named} cannot be read: ${reason}`);
      return;
    }
    const file = parseConfFile(text, candidate);
    problems.push(...file.problems);
    warnings.push(...file.warnings);
    assignments.push(...file.entries.map((entry) => ({ ...entry, layer: 'file' as const })));
    return;
  }
}

function isKnown({ key, place }: Assignment, problems: string[], warnings: string[]): boolean {
  if (key === PORT_KEY || key === HOST_KEY || settingOf(key) !== undefined) return true;
  const note = rabbitmqKeyNote(key);
  if (note !== undefined) {
    warnings.push(`${place}: ${key} ${note}`);
    return false;
  }
  const ours = schema.flatMap((setting) => [setting.key, ...(setting.otherKeys ?? [])]);
  const listeners = ['listeners.tcp.default', 'listeners.ssl.default'];
  const nearest = nearestKey(key, [...ours, ...listeners, ...rabbitmqKeyNames()]);
  const hint = nearest === undefined ? '' : `; did you mean "${nearest}"?`;
  problems.push(`${place}: unknown key "${key}"${hint}`);
  return false;
}

/**
 * A key given twice in one layer. In the file the last one wins, as in RabbitMQ, with a warning;
 * among flags two different values are refused: there is no order that people expect.
 */
function reportRepeats(
  assignments: readonly Assignment[],
  problems: string[],
  warnings: string[],
): void {
  const seen = new Map<string, Assignment>();
  for (const assignment of assignments) {
    const { layer, value, place } = assignment;
    const key = canonicalKey(assignment.key);
    const earlier = seen.get(key);
    seen.set(key, assignment);
    if (earlier === undefined || layer === 'rabbitmq-environment') continue;
    const name = key === PORT_KEY || key === HOST_KEY ? 'listeners.tcp' : key;
    if (layer === 'file') {
      warnings.push(`${place}: ${name} replaces its value at ${earlier.place}`);
    } else if (value !== earlier.value) {
      problems.push(`${place} and ${earlier.place} give ${name} two different values`);
    }
  }
}

function canonicalKey(key: string): string {
  const setting = settingOf(key);
  return setting?.otherKeys?.includes(key) === true ? setting.key : key;
}
