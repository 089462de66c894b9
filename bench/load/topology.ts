// The queues and the exchange of a run: made empty before it and deleted after it. Generator's
// process, cold.
// Invariant: only names that start with `warren-bench-` and the exchange asked for are touched; an
// `amq.` exchange is used as it is (specification 1.6.2.1: the prefix is the broker's).
import type { LoadConnection } from './connection.ts';
import { EMPTY_TABLE, METHOD, methodFrame, shortString, u16, u8 } from './frames.ts';
import type { LoadOptions } from './options.ts';

const FANOUT_EXCHANGE = 'warren-bench-fanout';

/** The run's queue `index`, counted from 0. */
export function queueName(options: LoadOptions, index: number): string {
  return `warren-bench-${options.firstQueue + index}`;
}

/** The exchange that publishers use; empty for the default exchange. */
export function exchangeName(options: LoadOptions): string {
  return options.fanout > 0 ? FANOUT_EXCHANGE : options.exchange;
}

export async function makeTopology(control: LoadConnection, options: LoadOptions): Promise<void> {
  await deleteTopology(control, options);
  const exchange = exchangeName(options);
  if (ownsExchange(exchange)) {
    const type = options.fanout > 0 ? 'fanout' : options.exchangeType;
    await control.call(declareExchange(exchange, type), METHOD.exchangeDeclareOk);
  }
  for (let index = 0; index < options.queues; index += 1) {
    const queue = queueName(options, index);
    await control.call(declareQueue(queue, options.durable), METHOD.queueDeclareOk);
    if (exchange !== '') await control.call(bindQueue(queue, exchange, queue), METHOD.queueBindOk);
  }
}

/** Deleting what does not exist succeeds (RabbitMQ since 3.2), so this also clears leftovers. */
export async function deleteTopology(control: LoadConnection, options: LoadOptions): Promise<void> {
  for (let index = 0; index < options.queues; index += 1) {
    await control.call(deleteQueue(queueName(options, index)), METHOD.queueDeleteOk);
  }
  const exchange = exchangeName(options);
  if (!ownsExchange(exchange)) return;
  const remove = methodFrame(1, METHOD.exchangeDelete, u16(0), shortString(exchange), u8(0));
  await control.call(remove, METHOD.exchangeDeleteOk);
}

function ownsExchange(exchange: string): boolean {
  return exchange !== '' && !exchange.startsWith('amq.');
}

function declareExchange(exchange: string, type: string): Buffer {
  return methodFrame(
    1,
    METHOD.exchangeDeclare,
    u16(0),
    shortString(exchange),
    shortString(type),
    u8(0),
    EMPTY_TABLE,
  );
}

export function declareQueue(queue: string, durable: boolean): Buffer {
  const bits = u8(durable ? 2 : 0);
  return methodFrame(1, METHOD.queueDeclare, u16(0), shortString(queue), bits, EMPTY_TABLE);
}

export function deleteQueue(queue: string): Buffer {
  return methodFrame(1, METHOD.queueDelete, u16(0), shortString(queue), u8(0));
}

export function bindQueue(queue: string, exchange: string, key: string): Buffer {
  const names = [shortString(queue), shortString(exchange), shortString(key)];
  return methodFrame(1, METHOD.queueBind, u16(0), ...names, u8(0), EMPTY_TABLE);
}

export function unbindQueue(queue: string, exchange: string, key: string): Buffer {
  const names = [shortString(queue), shortString(exchange), shortString(key)];
  return methodFrame(1, METHOD.queueUnbind, u16(0), ...names, EMPTY_TABLE);
}
