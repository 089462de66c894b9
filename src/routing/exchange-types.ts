// The registry of exchange types. Each thread has its own: main asks it which types there are and
// whether a declaration is right, threads with a replica how to route. Plugins add theirs at start,
// before anything is routed; the built-in ones cannot be replaced.
import { validateHeadersBinding, validateTopicBinding } from './binding-validation.ts';
import type { ExchangeSpec } from './change.ts';
import { type CompanionRequest, DELAY_COMPANION } from './companion.ts';
import type { ExchangeMatcher } from './exchange-matcher.ts';
import type { ExchangeType, QueueTable } from './exchange-type.ts';
import { consistentHashType } from './exchange/consistent-hash.ts';
import { delayedMessageType } from './exchange/delayed-message.ts';
import { DirectMatcher } from './exchange/direct.ts';
import { FanoutMatcher } from './exchange/fanout.ts';
import { HeadersMatcher } from './exchange/headers.ts';
import { localRandomType } from './exchange/local-random.ts';
import { modulusHashType } from './exchange/modulus-hash.ts';
import { randomType } from './exchange/random.ts';
import { recentHistoryType } from './exchange/recent-history.ts';
import { TopicMatcher } from './exchange/topic.ts';
import { UnknownTypeMatcher } from './exchange/unknown-type.ts';

const DELAYED_POLICY_KEY = 'delayed-message';

function ofSpecification(
  name: string,
  create: () => ExchangeMatcher,
  validateBinding?: ExchangeType['validateBinding'],
): ExchangeType {
  const description = `AMQP ${name} exchange, as per the AMQP specification`;
  return { name, description, create, ...(validateBinding && { validateBinding }) };
}

const BUILT_IN: readonly ExchangeType[] = [
  ofSpecification('direct', () => new DirectMatcher()),
  ofSpecification('fanout', () => new FanoutMatcher()),
  ofSpecification(
    'headers',
    () => new HeadersMatcher(),
    (binding) => validateHeadersBinding(binding.arguments),
  ),
  ofSpecification(
    'topic',
    () => new TopicMatcher(),
    (binding) => validateTopicBinding(binding.routingKey),
  ),
  consistentHashType,
  delayedMessageType(exchangeType),
  localRandomType,
  modulusHashType,
  randomType,
  recentHistoryType,
];

const builtIn: ReadonlyMap<string, ExchangeType> = new Map(BUILT_IN.map((one) => [one.name, one]));
const added = new Map<string, ExchangeType>();

/** Adds a plugin's type; throws when its name is that of a built-in one. */
export function addExchangeType(type: ExchangeType): void {
  if (builtIn.has(type.name)) throw new Error(`exchange type '${type.name}' is built in`);
  added.set(type.name, type);
}

export function exchangeType(name: string): ExchangeType | undefined {
  return builtIn.get(name) ?? added.get(name);
}

export function exchangeTypes(): readonly ExchangeType[] {
  return [...builtIn.values(), ...added.values()];
}

/** The matcher of a declared exchange; nobody may know its type any more. */
export function createMatcher(spec: ExchangeSpec, queues: QueueTable): ExchangeMatcher {
  return exchangeType(spec.type)?.create(spec, queues) ?? new UnknownTypeMatcher();
}

/** A policy has the exchange delay messages, whatever its type. */
export function isDelayedByPolicy({ policy }: ExchangeSpec): boolean {
  return policy?.definition[DELAYED_POLICY_KEY] === true;
}

/** The companion queues that an exchange needs. */
export function companionsOf(spec: ExchangeSpec): readonly CompanionRequest[] {
  const own = exchangeType(spec.type)?.companions?.(spec) ?? [];
  if (!isDelayedByPolicy(spec) || own.includes(DELAY_COMPANION)) return own;
  return [...own, DELAY_COMPANION];
}
