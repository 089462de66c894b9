// Test thread. Where RabbitMQ 3.10.8, on which these tests are proven, and WarrenMQ are meant to
// differ: newer RabbitMQ behaviour, or a friendlier choice. Each row says why;
// docs/compatibility.md tells users the same. A test that needs a row asks `expectedOn`.
import type { BrokerKind, TestBroker } from '../support/broker.ts';

interface Difference<Value> extends Readonly<Record<BrokerKind, Value>> {
  readonly reason: string;
}

function difference<Value>(row: Difference<Value>): Difference<Value> {
  return row;
}

export const differences = {
  deadLettersKeepBcc: difference({
    reason:
      'the keys of BCC are gone once a message has been routed: WarrenMQ keeps messages as they are ' +
      'delivered, and no consumer may see them; RabbitMQ keeps all routing keys beside the message',
    rabbitmq310: ['cc', 'bcc'],
    warrenmq: ['cc'],
  }),
  handshakeRefusalsAreSaid: difference({
    reason:
      'RabbitMQ closes the socket without a word, after 3 s, on every mistake before connection.open ' +
      'but a wrong password; the reply code it has in mind is only in its log',
    rabbitmq310: false,
    warrenmq: true,
  }),
  malformedTable: difference<'socket closed' | number>({
    reason: 'the RabbitMQ reader crashes on a malformed field table and says nothing',
    rabbitmq310: 'socket closed',
    warrenmq: 502,
  }),
  unknownMethod: difference<'socket closed' | number>({
    reason: 'the RabbitMQ reader crashes on an unknown class or method id and says nothing',
    rabbitmq310: 'socket closed',
    warrenmq: 503,
  }),
  malformedProperties: difference({
    reason: 'RabbitMQ decodes properties late, in the channel, and crashes there (541)',
    rabbitmq310: [541],
    warrenmq: [501, 502],
  }),
  unknownExchangeType: difference({
    reason: 'RabbitMQ 4 closes only the channel (406); 3.10 closed the connection (503)',
    rabbitmq310: { scope: 'connection', code: 503 },
    warrenmq: { scope: 'channel', code: 406 },
  }),
  countsAreExact: difference({
    reason:
      'in RabbitMQ a passive declare overtakes publishes that the queue has not looked at yet; in ' +
      'WarrenMQ both take the same way, so the counts include whatever the channel published',
    rabbitmq310: false,
    warrenmq: true,
  }),
  tooLargeBodyIsRefused: difference({
    reason:
      'RabbitMQ 3.10 waits forever after more body bytes than announced (newer versions: 501), and it ' +
      'looks at the size limit (128 MiB there, 16 MiB since 4.0) when the body is complete; WarrenMQ ' +
      'looks at what is announced, before it holds any of it',
    rabbitmq310: false,
    warrenmq: true,
  }),
  olderDeathsKeepTheirOrder: difference({
    reason:
      'from the third entry on 3.10 turns the older entries of x-death round at every death, and ' +
      'then sees cycles that are none; 4.x keeps them newest first',
    rabbitmq310: false,
    warrenmq: true,
  }),
  afterTwentyFailures: difference({
    reason: 'quorum queues have a delivery limit of 20 since 4.0, and had none before',
    rabbitmq310: 'delivered',
    warrenmq: 'dead',
  }),
  mandatoryReplyIsReturnedToo: difference({
    reason:
      'before 4.2 a mandatory reply to amq.rabbitmq.reply-to counted as unroutable: it was delivered ' +
      'and returned',
    rabbitmq310: true,
    warrenmq: false,
  }),
  refusedAccessNamesThePermission: difference({
    reason: "newer releases say which permission is missing in front of 3.10's words",
    rabbitmq310: false,
    warrenmq: true,
  }),
  passiveDeclareNeedsPermission: difference({
    reason: 'a passive declare needs some permission since 4.3.1 (configure, write or read)',
    rabbitmq310: false,
    warrenmq: true,
  }),
  topicPermissionsHoldForCopies: difference({
    reason: 'topic permissions are asked about the keys of CC and BCC since 4.0',
    rabbitmq310: false,
    warrenmq: true,
  }),
  operatorPolicySetsOverflow: difference({
    reason: 'operator policies may hold overflow since 3.13; 3.10 refuses it with 400',
    rabbitmq310: false,
    warrenmq: true,
  }),
  consumerTimeoutIsAnArgument: difference({
    reason:
      'x-consumer-timeout came with 3.12 for queues and with 4.3 for consumers, where an overdue ' +
      'delivery of a quorum queue ends its consumer and not its channel',
    rabbitmq310: false,
    warrenmq: true,
  }),
  quorumQueuesHavePriorities: difference({
    reason: 'quorum queues always have priorities since 4.0 (32 of them since 4.3)',
    rabbitmq310: false,
    warrenmq: true,
  }),
  activeConsumerYieldsToPriority: difference({
    reason:
      'a quorum queue changes its single active consumer for one of a higher priority since 4.0',
    rabbitmq310: false,
    warrenmq: true,
  }),
  quorumQueuesRefuseGlobalPrefetch: difference({
    reason:
      'in WarrenMQ a limit over the channel holds for the deliveries of quorum queues as well',
    rabbitmq310: true,
    warrenmq: false,
  }),
  quorumQueuesRefuseConditionalDelete: difference({
    reason:
      'queue.delete with if-unused or if-empty needs a sure answer from one place, which a queue of ' +
      'WarrenMQ always has',
    rabbitmq310: true,
    warrenmq: false,
  }),
  repliesWaitForTheCommit: difference({
    reason: 'before 4.2 a reply to amq.rabbitmq.reply-to was sent at once, transaction or not',
    rabbitmq310: false,
    warrenmq: true,
  }),
  clearedPermissionsCloseConnections: difference({
    reason:
      'a user without permissions in a virtual host may not connect to it, so in WarrenMQ he does ' +
      'not stay connected either (docs/access-control.md)',
    rabbitmq310: false,
    warrenmq: true,
  }),
  publishOverHttpToMissingExchange: difference({
    reason: 'the HTTP API of 3.10 answers 400 with the words of the channel error, later ones 404',
    rabbitmq310: 400,
    warrenmq: 404,
  }),
  lastDeathIsTold: difference({
    reason: 'the x-last-death- headers came with RabbitMQ 3.13',
    rabbitmq310: false,
    warrenmq: true,
  }),
  publishedDeathCount: difference({
    reason:
      'since 4.0 an x-death header that a client publishes is ignored, and counting begins at 1',
    rabbitmq310: 2,
    warrenmq: 1,
  }),
};

/** What this broker is expected to do where the two differ. */
export function expectedOn<Value>(broker: TestBroker, row: Difference<Value>): Value {
  return row[broker.kind];
}
