// Test thread. Every AMQP 0-9-1 method as one line of grammar, for the test client. It is written
// from the specification (section 1.7) and RabbitMQ's extensions, and shares nothing with the
// broker's own codec on purpose: a mistake made the same way on both ends of a wire is a mistake no
// test sees.
import type { FieldTable } from './field-values.ts';

/** Method name -> [class id, method id, arguments in wire order as "name:domain"]. */
export const METHODS = {
  'connection.start': [
    10,
    10,
    'versionMajor:octet versionMinor:octet serverProperties:table mechanisms:longstr locales:longstr',
  ],
  'connection.start-ok': [
    10,
    11,
    'clientProperties:table mechanism:shortstr response:bytes locale:shortstr',
  ],
  'connection.secure': [10, 20, 'challenge:bytes'],
  'connection.secure-ok': [10, 21, 'response:bytes'],
  'connection.tune': [10, 30, 'channelMax:short frameMax:long heartbeat:short'],
  'connection.tune-ok': [10, 31, 'channelMax:short frameMax:long heartbeat:short'],
  'connection.open': [10, 40, 'virtualHost:shortstr capabilities:shortstr insist:bit'],
  'connection.open-ok': [10, 41, 'knownHosts:shortstr'],
  'connection.close': [10, 50, 'code:short text:shortstr classId:short methodId:short'],
  'connection.close-ok': [10, 51, ''],
  'connection.blocked': [10, 60, 'reason:shortstr'],
  'connection.unblocked': [10, 61, ''],
  'connection.update-secret': [10, 70, 'newSecret:bytes reason:shortstr'],
  'connection.update-secret-ok': [10, 71, ''],
  'channel.open': [20, 10, 'outOfBand:shortstr'],
  'channel.open-ok': [20, 11, 'channelId:longstr'],
  'channel.flow': [20, 20, 'active:bit'],
  'channel.flow-ok': [20, 21, 'active:bit'],
  'channel.close': [20, 40, 'code:short text:shortstr classId:short methodId:short'],
  'channel.close-ok': [20, 41, ''],
  'access.request': [
    30,
    10,
    'realm:shortstr exclusive:bit passive:bit active:bit write:bit read:bit',
  ],
  'access.request-ok': [30, 11, 'ticket:short'],
  'exchange.declare': [
    40,
    10,
    'ticket:short exchange:shortstr type:shortstr passive:bit durable:bit autoDelete:bit internal:bit nowait:bit arguments:table',
  ],
  'exchange.declare-ok': [40, 11, ''],
  'exchange.delete': [40, 20, 'ticket:short exchange:shortstr ifUnused:bit nowait:bit'],
  'exchange.delete-ok': [40, 21, ''],
  'exchange.bind': [
    40,
    30,
    'ticket:short destination:shortstr source:shortstr routingKey:shortstr nowait:bit arguments:table',
  ],
  'exchange.bind-ok': [40, 31, ''],
  'exchange.unbind': [
    40,
    40,
    'ticket:short destination:shortstr source:shortstr routingKey:shortstr nowait:bit arguments:table',
  ],
  'exchange.unbind-ok': [40, 51, ''],
  'queue.declare': [
    50,
    10,
    'ticket:short queue:shortstr passive:bit durable:bit exclusive:bit autoDelete:bit nowait:bit arguments:table',
  ],
  'queue.declare-ok': [50, 11, 'queue:shortstr messageCount:long consumerCount:long'],
  'queue.bind': [
    50,
    20,
    'ticket:short queue:shortstr exchange:shortstr routingKey:shortstr nowait:bit arguments:table',
  ],
  'queue.bind-ok': [50, 21, ''],
  'queue.purge': [50, 30, 'ticket:short queue:shortstr nowait:bit'],
  'queue.purge-ok': [50, 31, 'messageCount:long'],
  'queue.delete': [50, 40, 'ticket:short queue:shortstr ifUnused:bit ifEmpty:bit nowait:bit'],
  'queue.delete-ok': [50, 41, 'messageCount:long'],
  'queue.unbind': [
    50,
    50,
    'ticket:short queue:shortstr exchange:shortstr routingKey:shortstr arguments:table',
  ],
  'queue.unbind-ok': [50, 51, ''],
  'basic.qos': [60, 10, 'prefetchSize:long prefetchCount:short global:bit'],
  'basic.qos-ok': [60, 11, ''],
  'basic.consume': [
    60,
    20,
    'ticket:short queue:shortstr consumerTag:shortstr noLocal:bit noAck:bit exclusive:bit nowait:bit arguments:table',
  ],
  'basic.consume-ok': [60, 21, 'consumerTag:shortstr'],
  'basic.cancel': [60, 30, 'consumerTag:shortstr nowait:bit'],
  'basic.cancel-ok': [60, 31, 'consumerTag:shortstr'],
  'basic.publish': [
    60,
    40,
    'ticket:short exchange:shortstr routingKey:shortstr mandatory:bit immediate:bit',
  ],
  'basic.return': [60, 50, 'code:short text:shortstr exchange:shortstr routingKey:shortstr'],
  'basic.deliver': [
    60,
    60,
    'consumerTag:shortstr deliveryTag:longlong redelivered:bit exchange:shortstr routingKey:shortstr',
  ],
  'basic.get': [60, 70, 'ticket:short queue:shortstr noAck:bit'],
  'basic.get-ok': [
    60,
    71,
    'deliveryTag:longlong redelivered:bit exchange:shortstr routingKey:shortstr messageCount:long',
  ],
  'basic.get-empty': [60, 72, 'clusterId:shortstr'],
  'basic.ack': [60, 80, 'deliveryTag:longlong multiple:bit'],
  'basic.reject': [60, 90, 'deliveryTag:longlong requeue:bit'],
  'basic.recover-async': [60, 100, 'requeue:bit'],
  'basic.recover': [60, 110, 'requeue:bit'],
  'basic.recover-ok': [60, 111, ''],
  'basic.nack': [60, 120, 'deliveryTag:longlong multiple:bit requeue:bit'],
  'confirm.select': [85, 10, 'nowait:bit'],
  'confirm.select-ok': [85, 11, ''],
  'tx.select': [90, 10, ''],
  'tx.select-ok': [90, 11, ''],
  'tx.commit': [90, 20, ''],
  'tx.commit-ok': [90, 21, ''],
  'tx.rollback': [90, 30, ''],
  'tx.rollback-ok': [90, 31, ''],
} as const satisfies Record<string, readonly [number, number, string]>;

export type MethodName = keyof typeof METHODS;

interface Domains {
  bit: boolean;
  octet: number;
  short: number;
  long: number;
  /** Delivery tags: tests stay far below 2^53. */
  longlong: number;
  shortstr: string;
  longstr: string;
  bytes: Buffer;
  table: FieldTable;
}

export type Domain = keyof Domains;

type Parsed<Grammar extends string> = Grammar extends `${infer First} ${infer Rest}`
  ? Parsed<First> & Parsed<Rest>
  : Grammar extends `${infer Name}:${infer D extends Domain}`
    ? { [K in Name]: Domains[D] }
    : unknown;

/** The arguments of a method, typed from its line of grammar. */
export type MethodFields<Name extends MethodName> = Parsed<(typeof METHODS)[Name][2]>;

/** Methods that content (a header and body frames) follows. */
export const METHODS_WITH_CONTENT: ReadonlySet<string> = new Set([
  'basic.publish',
  'basic.return',
  'basic.deliver',
  'basic.get-ok',
]);

/**
 * A method that `call` may send: the broker answers it with the method of the same name + "-ok".
 */
export type AnsweredMethod = {
  [Name in MethodName]: `${Name}-ok` extends MethodName ? Name : never;
}[MethodName];

const NAMES_BY_IDS = new Map<number, MethodName>(
  Object.entries(METHODS).map(([name, [classId, methodId]]) => [
    classId * 65_536 + methodId,
    name as MethodName,
  ]),
);

export function methodNameOf(classId: number, methodId: number): MethodName {
  const name = NAMES_BY_IDS.get(classId * 65_536 + methodId);
  if (name === undefined) throw new Error(`the broker sent unknown method ${classId}.${methodId}`);
  return name;
}

/** The arguments of a method as [name, domain] pairs in wire order. */
export function grammarOf(name: MethodName): readonly (readonly [string, Domain])[] {
  const line = METHODS[name][2];
  if (line === '') return [];
  return line.split(' ').map((argument) => argument.split(':') as [string, Domain]);
}
