// The bindings of one virtual host, indexed by source and by destination, so that deleting either
// end costs what it is bound to and not what the virtual host holds. Main thread.
//
//     bySource       exchange name      -> binding key -> binding
//     byDestination  kind:name          -> binding key -> binding
//
// Invariants: each binding is in both indexes or in none; no index keeps an empty entry.
import { bindingKey } from '../routing/binding-key.ts';
import type { BindingSpec, DestinationKind } from '../routing/change.ts';

type Bindings = Map<string, BindingSpec>;

export class BindingIndex {
  private readonly bySource = new Map<string, Bindings>();
  private readonly byDestination = new Map<string, Bindings>();

  /** The stored binding with the same identity. */
  find(binding: BindingSpec): BindingSpec | undefined {
    return this.bySource.get(binding.source)?.get(bindingKey(binding));
  }

  add(binding: BindingSpec): void {
    const key = bindingKey(binding);
    insert(this.bySource, binding.source, key, binding);
    insert(this.byDestination, destinationKey(binding), key, binding);
  }

  remove(binding: BindingSpec): void {
    const key = bindingKey(binding);
    erase(this.bySource, binding.source, key);
    erase(this.byDestination, destinationKey(binding), key);
  }

  /** Whether any binding leads from this exchange. */
  isSource(exchange: string): boolean {
    return this.bySource.has(exchange);
  }

  from(exchange: string): Iterable<BindingSpec> {
    return this.bySource.get(exchange)?.values() ?? [];
  }

  to(destinationKind: DestinationKind, destination: string): Iterable<BindingSpec> {
    return this.byDestination.get(destinationKey({ destinationKind, destination }))?.values() ?? [];
  }

  *all(): Iterable<BindingSpec> {
    for (const bindings of this.bySource.values()) yield* bindings.values();
  }

  /** Removes every binding that leads from this exchange. */
  removeFrom(exchange: string): void {
    const bindings = this.bySource.get(exchange);
    if (bindings === undefined) return;
    this.bySource.delete(exchange);
    for (const [key, binding] of bindings) {
      erase(this.byDestination, destinationKey(binding), key);
    }
  }

  /** Removes every binding that leads to this queue or exchange; returns the sources they had. */
  removeTo(destinationKind: DestinationKind, destination: string): Set<string> {
    const sources = new Set<string>();
    const place = destinationKey({ destinationKind, destination });
    const bindings = this.byDestination.get(place);
    if (bindings === undefined) return sources;
    this.byDestination.delete(place);
    for (const [key, binding] of bindings) {
      erase(this.bySource, binding.source, key);
      sources.add(binding.source);
    }
    return sources;
  }
}

function destinationKey(binding: Pick<BindingSpec, 'destinationKind' | 'destination'>): string {
  return `${binding.destinationKind}:${binding.destination}`;
}

function insert(
  index: Map<string, Bindings>,
  place: string,
  key: string,
  binding: BindingSpec,
): void {
  const bindings = index.get(place);
  if (bindings === undefined) index.set(place, new Map([[key, binding]]));
  else bindings.set(key, binding);
}

function erase(index: Map<string, Bindings>, place: string, key: string): void {
  const bindings = index.get(place);
  if (bindings?.delete(key) && bindings.size === 0) index.delete(place);
}
