// queue.declare up to the decision (specification 1.7.2.1): the queue that exists and is
// equivalent, or what a new one shall be. Main thread; changes nothing. The order of the checks is
// RabbitMQ's (rabbit_channel:handle_method): the name, equivalence with an existing queue, and
// arguments only for a new one. An exclusive queue is never durable, whatever was asked (RabbitMQ
// 3.10 and 4.x): it goes with its connection.
import { queueLocked, resourceText, serverNamedQueueRefused } from '../errors/topology-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import type { QueueSpec } from '../routing/change.ts';
import type { Command } from './command.ts';
import { assertStorable } from './durability.ts';
import { assertSameArguments, assertSameField } from './equivalence.ts';
import {
  assertNewName,
  type RandomBytes,
  replyQueueNamed,
  serverNamed,
  withoutLineBreaks,
} from './names.ts';
import {
  RELAXED_ARGUMENTS,
  assertQueueArguments,
  assertQueueProperties,
  comparedQueueArguments,
  type QueueType,
  queueTypeOf,
  withDefaultType,
  withQueueType,
} from './queue-arguments.ts';
import type { VhostTopology } from './vhost-topology.ts';

export type DeclareQueue = Extract<Command, { kind: 'declare-queue' }>;

/** What a declaration fixes; where the queue lives and its id are the control plane's to choose. */
export type QueueDeclaration = Omit<QueueSpec, 'id' | 'shard'>;

/** What the configuration says about declarations. */
export interface QueueRules {
  /** Of virtual hosts that have no default of their own. */
  readonly defaultType: QueueType;
  /** quorum_queue.property_equivalence.relaxed_checks_on_redeclaration */
  readonly isQuorumRedeclarationRelaxed: boolean;
}

export const PLAIN_QUEUE_RULES: QueueRules = {
  defaultType: 'classic',
  isQuorumRedeclarationRelaxed: false,
};

export interface DeclaredQueue {
  readonly existing: QueueSpec | undefined;
  readonly declaration: QueueDeclaration;
}

export function decideQueue(
  vhost: VhostTopology,
  received: DeclareQueue,
  rules: QueueRules,
  random: RandomBytes,
): DeclaredQueue {
  const type = vhost.defaultQueueType ?? rules.defaultType;
  const command = { ...received, arguments: withDefaultType(received.arguments, type, received) };
  const declaration = {
    name: declaredName(vhost, command, random),
    durable: command.durable && !command.exclusive,
    autoDelete: command.autoDelete,
    exclusiveOwner: ownerOf(command),
    arguments: command.arguments,
  };
  const existing = vhost.queues.get(declaration.name);
  const subject = resourceText('queue', declaration.name, vhost.name);
  if (existing !== undefined) assertEquivalent(vhost, subject, declaration, existing, rules);
  else assertNewQueue(subject, command);
  return { existing, declaration };
}

/**
 * The queue behind direct reply-to: it goes with its only consumer, or else with the connection.
 */
export function replyQueue(
  vhost: VhostTopology,
  connectionId: number,
  random: RandomBytes,
): QueueDeclaration {
  let name = replyQueueNamed(random);
  while (vhost.queues.has(name)) name = replyQueueNamed(random);
  return { name, durable: false, autoDelete: true, exclusiveOwner: connectionId, arguments: {} };
}

function declaredName(vhost: VhostTopology, command: DeclareQueue, random: RandomBytes): string {
  const asked = withoutLineBreaks(command.name);
  if (asked !== '') {
    assertNewName('queue', asked);
    return asked;
  }
  const type = queueTypeOf(command.arguments);
  if (type !== 'classic') throw new AmqpError(serverNamedQueueRefused(type));
  let name = serverNamed(random);
  while (vhost.queues.has(name)) name = serverNamed(random);
  return name;
}

function ownerOf(command: DeclareQueue): number {
  if (!command.exclusive) return 0;
  if (command.connectionId !== 0) return command.connectionId;
  throw new Error(`exclusive queue '${command.name}' declared without a connection to own it`);
}

function assertEquivalent(
  vhost: VhostTopology,
  subject: string,
  received: QueueDeclaration,
  current: QueueSpec,
  rules: QueueRules,
): void {
  const type = queueTypeOf(current.arguments);
  if (rules.isQuorumRedeclarationRelaxed && type === 'quorum' && isClassic(received)) {
    assertSameArguments(subject, RELAXED_ARGUMENTS, received.arguments, current.arguments);
    return;
  }
  if (received.exclusiveOwner !== current.exclusiveOwner) {
    throw new AmqpError(queueLocked(vhost.name, current.name));
  }
  assertSameField(subject, 'durable', received.durable, current.durable);
  assertSameField(subject, 'auto_delete', received.autoDelete, current.autoDelete);
  assertSameArguments(
    subject,
    comparedQueueArguments(type),
    withQueueType(received.arguments),
    withQueueType(current.arguments),
  );
}

function isClassic(declaration: QueueDeclaration): boolean {
  return queueTypeOf(declaration.arguments) === 'classic';
}

function assertNewQueue(subject: string, command: DeclareQueue): void {
  assertQueueArguments(subject, command.arguments);
  assertQueueProperties(subject, queueTypeOf(command.arguments), command);
  assertStorable(subject, command.arguments);
}
