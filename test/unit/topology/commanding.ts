// Short ways to write topology commands in tests, with the defaults of a plain client. Main thread.
// `refused` fails the test when the command was not refused, so that no case passes by accident.
import { expect } from 'vitest';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import type { Change, QueueSpec } from '../../../src/routing/change.ts';
import type { Command } from '../../../src/topology/command.ts';
import { Topology } from '../../../src/topology/topology.ts';

type Of<Kind extends Command['kind']> = Extract<Command, { kind: Kind }>;
type Options<Kind extends Command['kind']> = Partial<Omit<Of<Kind>, 'kind' | 'name'>>;

export const exchange = (
  name: string,
  options: Options<'declare-exchange'> = {},
): Of<'declare-exchange'> => ({
  kind: 'declare-exchange',
  vhost: '/',
  name,
  type: 'direct',
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: {},
  ...options,
});

export const queue = (
  name: string,
  options: Options<'declare-queue'> = {},
): Of<'declare-queue'> => ({
  kind: 'declare-queue',
  vhost: '/',
  name,
  durable: true,
  exclusive: false,
  autoDelete: false,
  arguments: {},
  connectionId: 1,
  ...options,
});

export const deleteExchange = (name: string, ifUnused = false): Of<'delete-exchange'> => ({
  kind: 'delete-exchange',
  vhost: '/',
  name,
  ifUnused,
});

export function binding(
  kind: 'bind' | 'unbind',
  source: string,
  destination: string,
  options: Partial<Omit<Of<'bind' | 'unbind'>, 'kind' | 'source' | 'destination'>> = {},
): Of<'bind' | 'unbind'> {
  return {
    kind,
    vhost: '/',
    source,
    destination,
    destinationKind: 'queue',
    routingKey: 'k',
    arguments: {},
    connectionId: 1,
    ...options,
  };
}

export const toExchange = { destinationKind: 'exchange' } as const;

export function args(table: FieldTable): { readonly arguments: FieldTable } {
  return { arguments: table };
}

/** A topology with the virtual host "/" that has taken these commands. */
export function topologyWith(...commands: readonly Command[]): Topology {
  const topology = new Topology({ shardCount: 3 });
  topology.execute({ kind: 'create-vhost', vhost: '/' });
  for (const command of commands) accepted(topology, command);
  return topology;
}

export function accepted(topology: Topology, command: Command): readonly Change[] {
  const outcome = topology.execute(command);
  expect(outcome.refusal).toBeUndefined();
  return outcome.changes;
}

export function declared(
  topology: Topology,
  command: Of<'declare-queue'> | Of<'declare-reply-queue'>,
): QueueSpec {
  const { refusal, queue: spec } = topology.execute(command);
  expect(refusal).toBeUndefined();
  return spec!;
}

/** "code text" of the refusal; a refused command must have changed nothing. */
export function refused(topology: Topology, command: Command): string {
  const before = topology.snapshot();
  const { changes, refusal, queue: spec } = topology.execute(command);
  expect(refusal).toBeDefined();
  expect(changes).toEqual([]);
  expect(spec).toBeUndefined();
  expect(topology.snapshot()).toEqual(before);
  return `${refusal!.code} ${refusal!.text.replace(/^[A-Z_]+ - /, '')}`;
}

/** Changes as short words: "queue-deleted q", "bound x -> q". */
export function words(changes: readonly Change[]): string[] {
  return changes.map((change) => {
    switch (change.kind) {
      case 'vhost-created':
      case 'vhost-deleted':
        return `${change.kind} ${change.vhost}`;
      case 'exchange-declared':
      case 'exchange-updated':
        return `${change.kind} ${change.exchange.name}`;
      case 'exchange-deleted':
        return `${change.kind} ${change.name}`;
      case 'queue-declared':
      case 'queue-deleted':
      case 'queue-updated':
        return `${change.kind} ${change.queue.name}`;
      case 'bound':
      case 'unbound':
        return `${change.kind} ${change.binding.source} -> ${change.binding.destination}`;
    }
  });
}
