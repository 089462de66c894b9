// What the listings of exchanges, queues and bindings have in common: all virtual hosts that the
// user may look into, or the one in the path, in alphabetical order. Main thread.
import { accessibleVhosts } from '../access.ts';
import { notFound } from '../http-refusal.ts';
import type { ApiRequest } from '../route.ts';

export interface InVhost<Item> {
  readonly vhost: string;
  readonly item: Item;
}

/** The virtual host that the path names. */
export function vhostOf({ parameters, broker }: ApiRequest): string {
  const vhost = parameters['vhost'];
  if (vhost === undefined || !broker.source.topology.hasVhost(vhost)) throw notFound();
  return vhost;
}

/** In a path the default exchange, whose name is empty, is called amq.default. */
export function exchangeInPath(name: string): string {
  return name === 'amq.default' ? '' : name;
}

/** `itemsOf` one virtual host, for each that is asked for. */
export function listing<Item>(
  request: ApiRequest,
  itemsOf: (vhost: string) => Iterable<Item>,
  compare: (one: Item, other: Item) => number,
): InVhost<Item>[] {
  const { parameters, user, broker } = request;
  const vhosts =
    parameters['vhost'] === undefined
      ? accessibleVhosts(user, broker.source.topology)
      : [vhostOf(request)];
  return vhosts.flatMap((vhost) =>
    [...itemsOf(vhost)].sort(compare).map((item) => ({ vhost, item })),
  );
}

export function byName(one: { readonly name: string }, other: { readonly name: string }): number {
  return compareText(one.name, other.name);
}

/** By UTF-16 code units: the same everywhere, unlike the order of a locale. */
export function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
