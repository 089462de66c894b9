// The raw generator: bodies of one size, without any framing, flat out into the relay and out of it
// again, by one producer and one consumer socket in one process: what bench/load does for a broker
// with one publisher and one consumer, without AMQP. A process of its own.
// Invariants: the same amounts per write and per turn of the event loop, and the same read buffer,
// as bench/load has, so that the two differ only in what the broker does; nothing is copied.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { READ_BUFFER_BYTES } from '../load/connection.ts';
import { BATCH_BYTES } from '../load/message-batch.ts';
import { monotonicMillis } from '../load/measuring-window.ts';
import { QUEUED_BYTES_MAX, TURN_BYTES_MAX } from '../load/publisher.ts';
import { ownCpuSeconds, type LoadEvent } from '../load/window-samples.ts';

export interface RawLoadOptions {
  readonly url: string;
  readonly size: number;
  readonly warmup: number;
  readonly duration: number;
}

export interface CeilingResult {
  readonly ceilingSize: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  readonly generatorCpuSeconds: number;
}

export async function runRawLoad(
  options: RawLoadOptions,
  onEvent: (event: LoadEvent) => void,
): Promise<CeilingResult> {
  const { hostname: host, port, pathname } = new URL(options.url);
  const failure = Promise.withResolvers<never>();
  let received = 0;
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
    callback: (bytes: number): boolean => {
      received += bytes;
      return true;
    },
  };
  const consumer = connect({ host, port: Number(pathname.slice(1)), noDelay: true, onread });
  const producer = connect({ host, port: Number(port), noDelay: true });
  for (const socket of [consumer, producer]) socket.on('error', failure.reject);
  const work = async (): Promise<CeilingResult> => {
    await Promise.all([once(consumer, 'connect'), once(producer, 'connect')]);
    const stop = sendFlatOut(producer, readyMade(options.size));
    await sleep(options.warmup * 1000);
    const start = { millis: monotonicMillis(), cpuSeconds: ownCpuSeconds(), received };
    onEvent('window-start');
    await sleep(options.duration * 1000);
    const bytes = received - start.received;
    const seconds = (monotonicMillis() - start.millis) / 1000;
    const generatorCpuSeconds = ownCpuSeconds() - start.cpuSeconds;
    onEvent('window-end');
    stop();
    producer.destroy();
    consumer.destroy();
    const bytesPerSecond = bytes / seconds;
    return { ceilingSize: options.size, seconds, bytes, bytesPerSecond, generatorCpuSeconds };
  };
  return await Promise.race([work(), failure.promise]);
}

/** As many bodies as bench/load writes at once: one, when it is large. */
function readyMade(size: number): Buffer {
  return Buffer.allocUnsafeSlow(size * Math.max(1, Math.floor(BATCH_BYTES / size))).fill('x');
}

/** Writes the same buffer again and again until the function that it returns is called. */
function sendFlatOut(socket: Socket, buffer: Buffer): () => void {
  let running = true;
  let scheduled = false;
  const wake = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      turn();
    });
  };
  const turn = (): void => {
    if (!running) return;
    for (let turnBytes = 0; turnBytes < TURN_BYTES_MAX; turnBytes += buffer.length) {
      if (socket.writableLength >= QUEUED_BYTES_MAX) return;
      socket.write(buffer, wake);
    }
    wake();
  };
  turn();
  return () => {
    running = false;
  };
}
