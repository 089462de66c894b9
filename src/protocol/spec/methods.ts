// Every method of AMQP 0-9-1 and of RabbitMQ's extensions to it, written down once: the table from
// which generate.ts makes methods.generated.ts. Build-time only, no thread runs it.
// Source: specification section 1.3 to 1.8 (amqp0-9-1.xml), and RabbitMQ's extensions: confirms,
// basic.nack, exchange.bind, connection.blocked, connection.update-secret, queue.unbind's
// arguments.
//
// A field reads "type name"; a third word "reserved" marks one that is written as zero and skipped
// when read. Adjacent bits share an octet, the first in the lowest place. Types:
//   bit octet short long        as in section 4.2.5
//   longlong                    as a number (delivery tags)
//   shortstr                    text; checked to be UTF-8, unless the method has content
//   longstr / longtext          bytes (SASL data, secrets) / text
//   table                       a field table

export type FieldType =
  | 'bit'
  | 'octet'
  | 'short'
  | 'long'
  | 'longlong'
  | 'shortstr'
  | 'longstr'
  | 'longtext'
  | 'table';

export type FieldLine = `${FieldType} ${string}`;

export interface MethodSpec {
  readonly name: `${string}.${string}`;
  readonly id: number;
  readonly fields: readonly FieldLine[];
  /** Content header and body frames follow the method frame. */
  readonly content?: true;
}

export interface ClassSpec {
  readonly name: string;
  readonly id: number;
  readonly methods: readonly MethodSpec[];
}

const CLOSE: readonly FieldLine[] = [
  'short replyCode',
  'shortstr replyText',
  'short classId',
  'short methodId',
];
const TUNE: readonly FieldLine[] = ['short channelMax', 'long frameMax', 'short heartbeat'];
/** A ticket of class access (0-8); the field stays, its value means nothing. */
const TICKET: FieldLine = 'short ticket reserved';

const EXCHANGE_BINDING: readonly FieldLine[] = [
  TICKET,
  'shortstr destination',
  'shortstr source',
  'shortstr routingKey',
  'bit nowait',
  'table arguments',
];

const connection: ClassSpec = {
  name: 'connection',
  id: 10,
  methods: [
    {
      name: 'connection.start',
      id: 10,
      fields: [
        'octet versionMajor',
        'octet versionMinor',
        'table serverProperties',
        'longtext mechanisms',
        'longtext locales',
      ],
    },
    {
      name: 'connection.start-ok',
      id: 11,
      fields: [
        'table clientProperties',
        'shortstr mechanism',
        'longstr response',
        'shortstr locale',
      ],
    },
    { name: 'connection.secure', id: 20, fields: ['longstr challenge'] },
    { name: 'connection.secure-ok', id: 21, fields: ['longstr response'] },
    { name: 'connection.tune', id: 30, fields: TUNE },
    { name: 'connection.tune-ok', id: 31, fields: TUNE },
    {
      name: 'connection.open',
      id: 40,
      fields: ['shortstr virtualHost', 'shortstr capabilities reserved', 'bit insist reserved'],
    },
    { name: 'connection.open-ok', id: 41, fields: ['shortstr knownHosts reserved'] },
    { name: 'connection.close', id: 50, fields: CLOSE },
    { name: 'connection.close-ok', id: 51, fields: [] },
    { name: 'connection.blocked', id: 60, fields: ['shortstr reason'] },
    { name: 'connection.unblocked', id: 61, fields: [] },
    {
      name: 'connection.update-secret',
      id: 70,
      fields: ['longstr newSecret', 'shortstr reason'],
    },
    { name: 'connection.update-secret-ok', id: 71, fields: [] },
  ],
};

const channel: ClassSpec = {
  name: 'channel',
  id: 20,
  methods: [
    { name: 'channel.open', id: 10, fields: ['shortstr outOfBand reserved'] },
    { name: 'channel.open-ok', id: 11, fields: ['longstr channelId reserved'] },
    { name: 'channel.flow', id: 20, fields: ['bit active'] },
    { name: 'channel.flow-ok', id: 21, fields: ['bit active'] },
    { name: 'channel.close', id: 40, fields: CLOSE },
    { name: 'channel.close-ok', id: 41, fields: [] },
  ],
};

/** Of 0-8 and 0-9; RabbitMQ still answers it. */
const access: ClassSpec = {
  name: 'access',
  id: 30,
  methods: [
    {
      name: 'access.request',
      id: 10,
      fields: [
        'shortstr realm',
        'bit exclusive',
        'bit passive',
        'bit active',
        'bit write',
        'bit read',
      ],
    },
    { name: 'access.request-ok', id: 11, fields: ['short ticket'] },
  ],
};

const exchange: ClassSpec = {
  name: 'exchange',
  id: 40,
  methods: [
    {
      name: 'exchange.declare',
      id: 10,
      fields: [
        TICKET,
        'shortstr exchange',
        'shortstr type',
        'bit passive',
        'bit durable',
        'bit autoDelete',
        'bit internal',
        'bit nowait',
        'table arguments',
      ],
    },
    { name: 'exchange.declare-ok', id: 11, fields: [] },
    {
      name: 'exchange.delete',
      id: 20,
      fields: [TICKET, 'shortstr exchange', 'bit ifUnused', 'bit nowait'],
    },
    { name: 'exchange.delete-ok', id: 21, fields: [] },
    { name: 'exchange.bind', id: 30, fields: EXCHANGE_BINDING },
    { name: 'exchange.bind-ok', id: 31, fields: [] },
    { name: 'exchange.unbind', id: 40, fields: EXCHANGE_BINDING },
    // 51, not 41: RabbitMQ's extension has it so.
    { name: 'exchange.unbind-ok', id: 51, fields: [] },
  ],
};

const queue: ClassSpec = {
  name: 'queue',
  id: 50,
  methods: [
    {
      name: 'queue.declare',
      id: 10,
      fields: [
        TICKET,
        'shortstr queue',
        'bit passive',
        'bit durable',
        'bit exclusive',
        'bit autoDelete',
        'bit nowait',
        'table arguments',
      ],
    },
    {
      name: 'queue.declare-ok',
      id: 11,
      fields: ['shortstr queue', 'long messageCount', 'long consumerCount'],
    },
    {
      name: 'queue.bind',
      id: 20,
      fields: [
        TICKET,
        'shortstr queue',
        'shortstr exchange',
        'shortstr routingKey',
        'bit nowait',
        'table arguments',
      ],
    },
    { name: 'queue.bind-ok', id: 21, fields: [] },
    { name: 'queue.purge', id: 30, fields: [TICKET, 'shortstr queue', 'bit nowait'] },
    { name: 'queue.purge-ok', id: 31, fields: ['long messageCount'] },
    {
      name: 'queue.delete',
      id: 40,
      fields: [TICKET, 'shortstr queue', 'bit ifUnused', 'bit ifEmpty', 'bit nowait'],
    },
    { name: 'queue.delete-ok', id: 41, fields: ['long messageCount'] },
    {
      name: 'queue.unbind',
      id: 50,
      fields: [
        TICKET,
        'shortstr queue',
        'shortstr exchange',
        'shortstr routingKey',
        'table arguments',
      ],
    },
    { name: 'queue.unbind-ok', id: 51, fields: [] },
  ],
};

const basic: ClassSpec = {
  name: 'basic',
  id: 60,
  methods: [
    {
      name: 'basic.qos',
      id: 10,
      fields: ['long prefetchSize', 'short prefetchCount', 'bit global'],
    },
    { name: 'basic.qos-ok', id: 11, fields: [] },
    {
      name: 'basic.consume',
      id: 20,
      fields: [
        TICKET,
        'shortstr queue',
        'shortstr consumerTag',
        'bit noLocal',
        'bit noAck',
        'bit exclusive',
        'bit nowait',
        'table arguments',
      ],
    },
    { name: 'basic.consume-ok', id: 21, fields: ['shortstr consumerTag'] },
    { name: 'basic.cancel', id: 30, fields: ['shortstr consumerTag', 'bit nowait'] },
    { name: 'basic.cancel-ok', id: 31, fields: ['shortstr consumerTag'] },
    {
      name: 'basic.publish',
      id: 40,
      content: true,
      fields: [
        TICKET,
        'shortstr exchange',
        'shortstr routingKey',
        'bit mandatory',
        'bit immediate',
      ],
    },
    {
      name: 'basic.return',
      id: 50,
      content: true,
      fields: ['short replyCode', 'shortstr replyText', 'shortstr exchange', 'shortstr routingKey'],
    },
    {
      name: 'basic.deliver',
      id: 60,
      content: true,
      fields: [
        'shortstr consumerTag',
        'longlong deliveryTag',
        'bit redelivered',
        'shortstr exchange',
        'shortstr routingKey',
      ],
    },
    { name: 'basic.get', id: 70, fields: [TICKET, 'shortstr queue', 'bit noAck'] },
    {
      name: 'basic.get-ok',
      id: 71,
      content: true,
      fields: [
        'longlong deliveryTag',
        'bit redelivered',
        'shortstr exchange',
        'shortstr routingKey',
        'long messageCount',
      ],
    },
    { name: 'basic.get-empty', id: 72, fields: ['shortstr clusterId reserved'] },
    { name: 'basic.ack', id: 80, fields: ['longlong deliveryTag', 'bit multiple'] },
    { name: 'basic.reject', id: 90, fields: ['longlong deliveryTag', 'bit requeue'] },
    { name: 'basic.recover-async', id: 100, fields: ['bit requeue'] },
    { name: 'basic.recover', id: 110, fields: ['bit requeue'] },
    { name: 'basic.recover-ok', id: 111, fields: [] },
    {
      name: 'basic.nack',
      id: 120,
      fields: ['longlong deliveryTag', 'bit multiple', 'bit requeue'],
    },
  ],
};

const confirm: ClassSpec = {
  name: 'confirm',
  id: 85,
  methods: [
    { name: 'confirm.select', id: 10, fields: ['bit nowait'] },
    { name: 'confirm.select-ok', id: 11, fields: [] },
  ],
};

const tx: ClassSpec = {
  name: 'tx',
  id: 90,
  methods: [
    { name: 'tx.select', id: 10, fields: [] },
    { name: 'tx.select-ok', id: 11, fields: [] },
    { name: 'tx.commit', id: 20, fields: [] },
    { name: 'tx.commit-ok', id: 21, fields: [] },
    { name: 'tx.rollback', id: 30, fields: [] },
    { name: 'tx.rollback-ok', id: 31, fields: [] },
  ],
};

export const CLASSES: readonly ClassSpec[] = [
  connection,
  channel,
  access,
  exchange,
  queue,
  basic,
  confirm,
  tx,
];
