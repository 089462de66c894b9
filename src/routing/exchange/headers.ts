// Headers exchange (specification 3.1.3.4): a binding's arguments are conditions on the message's
// headers. The rules are RabbitMQ's (rabbit_exchange_type_headers: match_all, match_any, match/2):
// `x-match` all (default), any, all-with-x, any-with-x; all and any skip arguments that start with
// "x-", the other two skip only `x-match`; a void argument asks for presence; with no condition
// left, all matches every message and any matches none. Values of different types never match,
// integers of different widths do.
// Runs in each thread that keeps a replica, for every message: its results are never cached.
//
// RabbitMQ tries every binding; here each is filed under what a message must have to match it. An
// `any` binding is filed under all its conditions, an `all` binding under the one that the fewest
// others share, and is then checked in full.
//
//     name --> { anyValue: bindings, byValue: value key --> bindings }
import type { FieldTable } from '../../protocol/field-table.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import { headerValueKey } from '../field-value-key.ts';
import type { RoutedMessage } from '../routed-message.ts';
import type { Binding } from '../topology-node.ts';

interface Condition {
  readonly name: string;
  /** The key of the value asked for; undefined when the header need only be present. */
  readonly valueKey: string | undefined;
}

interface ConditionedBinding {
  readonly binding: Binding;
  readonly mustHoldAll: boolean;
  readonly conditions: readonly Condition[];
  /** The conditions it is filed under. */
  readonly filedUnder: readonly Condition[];
}

type Filed = Set<ConditionedBinding>;

class NamedHeader {
  readonly anyValue: Filed = new Set();
  readonly byValue = new Map<string, Filed>();
}

/** A message's headers with the key of each value, made when first asked for. */
class MessageHeaders {
  readonly table: FieldTable;
  private readonly valueKeys = new Map<string, string>();

  constructor(table: FieldTable) {
    this.table = table;
  }

  valueKey(name: string): string | undefined {
    if (!Object.hasOwn(this.table, name)) return undefined;
    let key = this.valueKeys.get(name);
    if (key === undefined) {
      key = headerValueKey(this.table[name]);
      this.valueKeys.set(name, key);
    }
    return key;
  }

  satisfy(condition: Condition): boolean {
    if (condition.valueKey === undefined) return Object.hasOwn(this.table, condition.name);
    return this.valueKey(condition.name) === condition.valueKey;
  }
}

export class HeadersMatcher implements ExchangeMatcher {
  readonly isCacheable = false;
  readonly isAskedOnce = true;
  private readonly conditioned = new Map<Binding, ConditionedBinding>();
  private readonly unconditional: Filed = new Set();
  private readonly byName = new Map<string, NamedHeader>();

  bind(binding: Binding): void {
    const entry = this.readArguments(binding);
    this.conditioned.set(binding, entry);
    for (const condition of entry.filedUnder) this.file(entry, condition);
    if (entry.mustHoldAll && entry.conditions.length === 0) this.unconditional.add(entry);
  }

  unbind(binding: Binding): void {
    const entry = this.conditioned.get(binding);
    if (entry === undefined) return;
    this.conditioned.delete(binding);
    this.unconditional.delete(entry);
    for (const condition of entry.filedUnder) this.unfile(entry, condition);
  }

  match(_routingKey: string, { headers }: RoutedMessage, sink: MatchSink): void {
    for (const entry of this.unconditional) sink.found(entry.binding.destination);
    if (headers === undefined) return;
    const message = new MessageHeaders(headers);
    for (const name of Object.keys(headers)) {
      const named = this.byName.get(name);
      if (named === undefined) continue;
      reportMatching(named.anyValue, message, sink);
      if (named.byValue.size === 0) continue;
      const filed = named.byValue.get(message.valueKey(name)!);
      if (filed !== undefined) reportMatching(filed, message, sink);
    }
  }

  private readArguments(binding: Binding): ConditionedBinding {
    const table = binding.spec.arguments;
    const mode = table['x-match'];
    const mustHoldAll = mode !== 'any' && mode !== 'any-with-x';
    const withX = mode === 'all-with-x' || mode === 'any-with-x';
    const conditions: Condition[] = [];
    for (const [name, value] of Object.entries(table)) {
      if (name === 'x-match' || (!withX && name.startsWith('x-'))) continue;
      conditions.push({ name, valueKey: value === null ? undefined : headerValueKey(value) });
    }
    const filedUnder = mustHoldAll ? this.leastShared(conditions) : conditions;
    return { binding, mustHoldAll, conditions, filedUnder };
  }

  /** The condition that the fewest bindings are filed under, as a list of one (or none). */
  private leastShared(conditions: readonly Condition[]): readonly Condition[] {
    let best: Condition | undefined;
    let bestCount = Infinity;
    for (const condition of conditions) {
      const count = this.filed(condition)?.size ?? 0;
      if (count < bestCount) {
        best = condition;
        bestCount = count;
      }
    }
    return best === undefined ? [] : [best];
  }

  private filed(condition: Condition): Filed | undefined {
    const named = this.byName.get(condition.name);
    if (condition.valueKey === undefined) return named?.anyValue;
    return named?.byValue.get(condition.valueKey);
  }

  private file(entry: ConditionedBinding, condition: Condition): void {
    let named = this.byName.get(condition.name);
    if (named === undefined) {
      named = new NamedHeader();
      this.byName.set(condition.name, named);
    }
    if (condition.valueKey === undefined) {
      named.anyValue.add(entry);
      return;
    }
    const filed = named.byValue.get(condition.valueKey);
    if (filed === undefined) named.byValue.set(condition.valueKey, new Set([entry]));
    else filed.add(entry);
  }

  private unfile(entry: ConditionedBinding, condition: Condition): void {
    const named = this.byName.get(condition.name);
    const filed = this.filed(condition);
    if (named === undefined || filed === undefined) return;
    filed.delete(entry);
    if (condition.valueKey !== undefined && filed.size === 0) {
      named.byValue.delete(condition.valueKey);
    }
    if (named.anyValue.size === 0 && named.byValue.size === 0) this.byName.delete(condition.name);
  }
}

function reportMatching(filed: Filed, message: MessageHeaders, sink: MatchSink): void {
  for (const { binding, mustHoldAll, conditions } of filed) {
    if (!mustHoldAll || conditions.every((condition) => message.satisfy(condition))) {
      sink.found(binding.destination);
    }
  }
}
