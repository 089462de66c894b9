// Whether a runtime parameter is a policy (rabbit_policy:validate, rabbit_parameter_validation).
// Main thread, pure. The texts are RabbitMQ's, as its API and rabbitmqctl show them: all that is
// wrong with the members, the last of them first, and of the settings the first that is wrong.
import { compileNamePattern, PATTERN_BYTES_MAX } from '../../base/name-pattern.ts';
import { erlangPairs, erlangTerm } from './erlang-term.ts';
import { APPLY_TO, type ApplyTo, type Definition, type Policy, type PolicyKind } from './policy.ts';
import { POLICY_KEYS } from './policy-keys.ts';

type Members = Readonly<Record<string, unknown>>;
type Check = (member: string, value: unknown, kind: PolicyKind) => string | undefined;

/** In RabbitMQ's order; `apply-to` may be left out. */
const MEMBERS: readonly (readonly [string, Check])[] = [
  ['priority', priorityProblem],
  ['pattern', patternProblem],
  ['apply-to', applyToProblem],
  ['definition', definitionProblem],
];

/** What is not said: rabbit_policy:set. */
const PRESETS = { priority: 0, 'apply-to': 'all' };

/** A policy as the API and rabbitmqctl take it, with what may be left out. */
export function policyValue<Value>(value: Value): Value {
  return isObject(value) ? { ...PRESETS, ...value } : value;
}

/** The policy, or RabbitMQ's text about what is wrong with it. */
export function parsePolicy(kind: PolicyKind, name: string, value: unknown): Policy | string {
  if (!isObject(value)) return failure([`${name} not a list ${erlangTerm(value)}`]);
  const problems = problemsOf(kind, name, value);
  if (problems.length > 0) return failure(problems);
  return {
    name,
    // Has just been compiled without a problem.
    pattern: compileNamePattern(value['pattern'] as string) as RegExp,
    applyTo: (value['apply-to'] as ApplyTo | undefined) ?? 'all',
    priority: value['priority'] as number,
    definition: value['definition'] as Definition,
  };
}

function problemsOf(kind: PolicyKind, name: string, value: Members): string[] {
  const problems: string[] = [];
  for (const [member, check] of MEMBERS) {
    if (Object.hasOwn(value, member)) {
      const problem = check(member, value[member], kind);
      if (problem !== undefined) problems.unshift(problem);
    } else if (member !== 'apply-to') {
      problems.unshift(`Key "${member}" not found in ${name}`);
    }
  }
  const others = Object.entries(value).filter(
    ([key]) => !MEMBERS.some(([member]) => member === key),
  );
  if (others.length > 0) problems.unshift(`Unrecognised terms ${erlangPairs(others)} in ${name}`);
  return problems;
}

function priorityProblem(member: string, value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return undefined;
  return `${member} should be a number, actually was ${erlangTerm(value)}`;
}

function patternProblem(member: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return `${member} should be a binary but was ${erlangTerm(value)}`;
  if (Buffer.byteLength(value) > PATTERN_BYTES_MAX) {
    return `${member} must not exceed ${PATTERN_BYTES_MAX} bytes`;
  }
  const compiled = compileNamePattern(value);
  if (typeof compiled !== 'string') return undefined;
  return `${member} should be regular expression but is invalid: ${compiled}`;
}

function applyToProblem(_member: string, value: unknown): string | undefined {
  if (APPLY_TO.some((word) => word === value)) return undefined;
  const words = `'queues', 'classic_queues',  'quorum_queues', 'streams', 'exchanges', or 'all'`;
  const shown = typeof value === 'string' ? value : erlangTerm(value);
  return `apply-to '${shown}' unrecognised; should be one of: ${words}`;
}

function definitionProblem(_member: string, value: unknown, kind: PolicyKind): string | undefined {
  if (!isObject(value)) return `definition must be a dictionary: ${erlangTerm(value)}`;
  const settings = Object.entries(value);
  if (settings.length === 0) return 'no policy provided';
  const isKnown = (key: string): boolean => {
    const rule = POLICY_KEYS.get(key);
    return rule !== undefined && (kind === 'policy' || rule.isForOperators);
  };
  for (const [key, setting] of settings) {
    const problem = isKnown(key) ? POLICY_KEYS.get(key)!.problem(setting) : undefined;
    if (problem !== undefined) return `${erlangTerm(setting)} ${problem}`;
  }
  const unknown = settings.filter(([key]) => !isKnown(key));
  if (unknown.length === 0) return retryProblem(value);
  const known = [...POLICY_KEYS.keys()].filter(isKnown).join(', ');
  return `${erlangPairs(unknown)} are not recognised policy settings (known are ${known})`;
}

/** Settings that make sense only together. */
function retryProblem(definition: Members): string | undefined {
  const type = definition['delayed-retry-type'];
  const min = definition['delayed-retry-min'];
  const max = definition['delayed-retry-max'];
  if (type !== undefined && type !== 'disabled' && min === undefined) {
    return `delayed-retry-min is required when delayed-retry-type is ${String(type)}`;
  }
  if (min === undefined || max === undefined || Number(max) >= Number(min)) return undefined;
  return (
    `delayed-retry-max (${String(max)}) must not be smaller than ` +
    `delayed-retry-min (${String(min)})`
  );
}

function failure(problems: readonly string[]): string {
  return `Validation failed\n\n${problems.map((problem) => `${problem}\n`).join('')}`;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
