// Queues declared without a type where classic is not the default, and quorum queues declared again
// as classic ones (RabbitMQ 4.x: rabbit_amqqueue, augment_declare_args and equivalence checks).
import { describe, expect, it } from 'vitest';
import type { QueueType } from '../../../src/topology/queue-arguments.ts';
import { Topology } from '../../../src/topology/topology.ts';
import { args, declared, queue, refused } from './commanding.ts';

function topology(defaultType: QueueType, isQuorumRedeclarationRelaxed = false): Topology {
  const made = new Topology({
    shardCount: 1,
    queueRules: { defaultType, isQuorumRedeclarationRelaxed },
  });
  made.execute({ kind: 'create-vhost', vhost: '/' });
  return made;
}

const typeOf = (made: Topology, command: ReturnType<typeof queue>): unknown =>
  declared(made, command).arguments['x-queue-type'];

const QUORUM = { 'x-queue-type': 'quorum' };

describe('where queues are quorum queues by default', () => {
  it.each([
    ['durable', {}, 'quorum'],
    ['asked to be classic', args({ 'x-queue-type': 'classic' }), 'classic'],
    ['not durable', { durable: false }, undefined],
    ['exclusive', { exclusive: true }, undefined],
    ['auto-delete', { autoDelete: true }, undefined],
  ] as const)('a queue that is %s', (_what, options, type) => {
    expect(typeOf(topology('quorum'), queue('q', options))).toBe(type);
  });

  it('has arguments checked as those of a quorum queue', () => {
    expect(refused(topology('quorum'), queue('q', args({ 'x-max-priority': 5 })))).toContain(
      "406 invalid arg 'x-max-priority' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue",
    );
    expect(refused(topology('quorum'), queue(''))).toContain('Cannot declare a server-named queue');
  });

  it('finds a queue again, spelled out or not', () => {
    const made = topology('quorum');
    const spec = declared(made, queue('q'));
    expect(declared(made, queue('q'))).toBe(spec);
    expect(declared(made, queue('q', args(QUORUM)))).toBe(spec);
    expect(refused(made, queue('q', args({ 'x-queue-type': 'classic' })))).toContain(
      "406 inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'classic' but " +
        "current is 'quorum'",
    );
  });

  it('keeps to the default of the virtual host, if it has one', () => {
    const made = topology('quorum');
    expect(made.setDefaultQueueType('/', 'classic')).toBe(true);
    expect(made.defaultQueueType('/')).toBe('classic');
    expect(typeOf(made, queue('q'))).toBeUndefined();
    made.setDefaultQueueType('/', undefined);
    expect(typeOf(made, queue('r'))).toBe('quorum');
    expect(made.setDefaultQueueType('missing', 'classic')).toBe(false);
  });
});

describe('a quorum queue declared again as a classic one', () => {
  const old = args({ ...QUORUM, 'x-max-length': 5, 'x-delivery-limit': 3 });

  it.each([
    ['as it is', {}, args({ 'x-max-length': 5 })],
    ['spelled out', {}, args({ 'x-queue-type': 'classic', 'x-max-length': 5 })],
    ['auto-delete', { autoDelete: true }, args({ 'x-max-length': 5 })],
    ['exclusive and not durable', { exclusive: true, durable: false }, args({ 'x-max-length': 5 })],
  ])('is the same where that is allowed: %s', (_what, options, again) => {
    const made = topology('classic', true);
    const spec = declared(made, queue('q', old));
    expect(declared(made, queue('q', { ...options, ...again }))).toBe(spec);
  });

  it('still has to agree on what both types have', () => {
    const made = topology('classic', true);
    declared(made, queue('q', old));
    expect(refused(made, queue('q', args({ 'x-max-length': 6 })))).toContain(
      "406 inequivalent arg 'x-max-length'",
    );
    expect(refused(made, queue('q', args({ ...QUORUM, 'x-max-length': 5 })))).toContain(
      "406 inequivalent arg 'x-delivery-limit'",
    );
  });

  it('is refused otherwise, and a classic one as quorum in any case', () => {
    const strict = topology('classic');
    declared(strict, queue('q', args(QUORUM)));
    expect(refused(strict, queue('q'))).toContain("406 inequivalent arg 'x-queue-type'");
    const relaxed = topology('classic', true);
    declared(relaxed, queue('q'));
    expect(refused(relaxed, queue('q', args(QUORUM)))).toContain(
      "406 inequivalent arg 'x-queue-type'",
    );
  });
});
