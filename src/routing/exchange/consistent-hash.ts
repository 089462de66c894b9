// x-consistent-hash: messages are spread over the bound destinations by the hash of the routing
// key, of a header (argument hash-header) or of a property (hash-property: message_id,
// correlation_id, timestamp); equal values go to the same destination. A binding key is a weight:
// how many times as much as one of weight 1 the destination gets. Arguments, checks and texts are
// those of RabbitMQ's plugin (rabbit_exchange_type_consistent_hash); without the header or property
// all messages go to one destination, as there. Runs in each thread that keeps a replica.
//
// Instead of a ring with virtual nodes, which grows with the weights: rendezvous hashing. Value and
// destination give a number u in (0, 1) by chance, and the destination with the largest
// u^(1/weight) wins. Each gets exactly its share on average, weights cost no memory, and a binding
// that comes or goes moves only the values it wins or had won. Bindings of one destination add up
// their weights.
import { hashText, mixBits } from '../../base/hash-text.ts';
import type { FieldTable } from '../../protocol/field-table.ts';
import { typeNameOf } from '../../protocol/field-table.ts';
import type { BindingSpec, ExchangeSpec } from '../change.ts';
import { erlangTerm } from '../erlang-term.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { ExchangeType } from '../exchange-type.ts';
import { headerValueKey } from '../field-value-key.ts';
import type { RoutedMessage } from '../routed-message.ts';
import type { Binding, Destination } from '../topology-node.ts';

const HASH_HEADER = 'hash-header';
const HASH_PROPERTY = 'hash-property';
const HASH_RANGE = 2 ** 32;

/** The value that is hashed; undefined for a message that has none. */
type HashedValue = (routingKey: string, message: RoutedMessage) => string | undefined;

const PROPERTIES: ReadonlyMap<string, HashedValue> = new Map<string, HashedValue>([
  ['message_id', (_key, { properties }) => properties.messageId],
  ['correlation_id', (_key, { properties }) => properties.correlationId],
  ['timestamp', (_key, { properties }) => properties.timestamp?.toString()],
]);

/** One bound destination, with the weights of all its bindings. */
interface Candidate {
  readonly destination: Destination;
  /** Names it in the same way in every thread and after every restart. */
  readonly key: string;
  readonly hash: number;
  readonly bindings: Set<Binding>;
  /** Of all bindings. */
  weight: number;
}

export class ConsistentHashMatcher implements ExchangeMatcher {
  readonly isCacheable: boolean;
  readonly isAskedOnce = true;
  private readonly hashedValue: HashedValue;
  private readonly candidates = new Map<Destination, Candidate>();

  constructor(args: FieldTable) {
    const header = args[HASH_HEADER];
    const property = args[HASH_PROPERTY];
    this.isCacheable = header === undefined && property === undefined;
    if (typeof header === 'string') this.hashedValue = headerValue(header);
    else if (typeof property === 'string') this.hashedValue = PROPERTIES.get(property)!;
    else this.hashedValue = (routingKey) => routingKey;
  }

  bind(binding: Binding): void {
    const { destination, spec } = binding;
    let candidate = this.candidates.get(destination);
    if (candidate === undefined) {
      const key = `${spec.destinationKind}:${spec.destination}`;
      candidate = { destination, key, hash: hashText(key), bindings: new Set(), weight: 0 };
      this.candidates.set(destination, candidate);
    }
    candidate.bindings.add(binding);
    weigh(candidate);
  }

  unbind(binding: Binding): void {
    const candidate = this.candidates.get(binding.destination);
    if (candidate === undefined) return;
    candidate.bindings.delete(binding);
    weigh(candidate);
    if (candidate.bindings.size === 0) this.candidates.delete(binding.destination);
  }

  match(routingKey: string, message: RoutedMessage, sink: MatchSink): void {
    const valueHash = hashText(this.hashedValue(routingKey, message) ?? '');
    let best: Candidate | undefined;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (const candidate of this.candidates.values()) {
      // log(u) / weight orders as u^(1/weight) does. Half a step keeps u off 0 and 1.
      const u = (mixBits(valueHash ^ candidate.hash) + 0.5) / HASH_RANGE;
      const score = Math.log(u) / candidate.weight;
      if (score < bestScore) continue;
      if (score === bestScore && candidate.key > best!.key) continue;
      best = candidate;
      bestScore = score;
    }
    if (best !== undefined) sink.found(best.destination);
  }
}

function weigh(candidate: Candidate): void {
  candidate.weight = 0;
  for (const { spec } of candidate.bindings) candidate.weight += Number(spec.routingKey);
}

function headerValue(name: string): HashedValue {
  return (_key, { headers }) =>
    headers !== undefined && Object.hasOwn(headers, name)
      ? headerValueKey(headers[name])
      : undefined;
}

function validate({ arguments: args }: ExchangeSpec): string | undefined {
  for (const name of [HASH_HEADER, HASH_PROPERTY]) {
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    if (value === undefined || typeof value === 'string') continue;
    return `${name} must be a string, received a value of type ${typeNameOf(value)}`;
  }
  const property = args[HASH_PROPERTY];
  if (property === undefined) return undefined;
  if (args[HASH_HEADER] !== undefined) {
    return 'hash-header and hash-property are mutually exclusive';
  }
  if (PROPERTIES.has(property as string)) return undefined;
  return `Unsupported property: ${String(property)} (one of ${[...PROPERTIES.keys()].join(', ')})`;
}

function validateBinding({ routingKey }: BindingSpec): string | undefined {
  if (!/^[+-]?\d+$/u.test(routingKey)) {
    return `The binding key must be an integer: ${erlangTerm(routingKey)}`;
  }
  return Number(routingKey) < 1 ? 'The binding key must be greater than 0' : undefined;
}

export const consistentHashType: ExchangeType = {
  name: 'x-consistent-hash',
  description: 'Spreads messages over its bindings by a hash that moves little when they change',
  create: ({ arguments: args }) => new ConsistentHashMatcher(args),
  validate,
  validateBinding,
};
