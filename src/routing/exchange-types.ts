// The registry of exchange types: name -> how to make the matcher of a new exchange. Runs in any
// thread (the main thread asks only which types exist). Later types are registered here.
import type { ExchangeSpec } from './change.ts';
import type { ExchangeMatcher } from './exchange-matcher.ts';
import { DirectMatcher } from './exchange/direct.ts';
import { FanoutMatcher } from './exchange/fanout.ts';
import { HeadersMatcher } from './exchange/headers.ts';
import { TopicMatcher } from './exchange/topic.ts';

type MakeMatcher = (spec: ExchangeSpec) => ExchangeMatcher;

const TYPES: ReadonlyMap<string, MakeMatcher> = new Map<string, MakeMatcher>([
  ['direct', () => new DirectMatcher()],
  ['fanout', () => new FanoutMatcher()],
  ['headers', () => new HeadersMatcher()],
  ['topic', () => new TopicMatcher()],
]);

export function knownExchangeTypes(): readonly string[] {
  return [...TYPES.keys()];
}

export function isKnownExchangeType(type: string): boolean {
  return TYPES.has(type);
}

/** The matcher of a declared exchange, whose type has been checked by the control plane. */
export function createMatcher(spec: ExchangeSpec): ExchangeMatcher {
  const create = TYPES.get(spec.type);
  if (create === undefined) {
    throw new Error(`exchange '${spec.name}' has the unknown type '${spec.type}'`);
  }
  return create(spec);
}
