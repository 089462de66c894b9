// default_policies.operator: entries gathered by name, printed and set by other layers.
import { describe, expect, it } from 'vitest';
import { printConfig } from '../../../src/config/print-config.ts';
import { load } from './load.ts';

const file = [
  'default_policies.operator.limits.vhost_pattern = ^prod-.*',
  'default_policies.operator.limits.queue_pattern = ^q',
  'default_policies.operator.limits.apply_to = queues',
  'default_policies.operator.limits.max_length = 10000',
  'default_policies.operator.limits.max_length_bytes = 1MiB',
  'default_policies.operator.limits.message_ttl = 24h',
  'default_policies.operator.limits.classic_queues.queue_version = 2',
  'default_policies.operator.limits.classic_queues.ha_mode = exactly',
  'default_policies.operator.a.b.expires = 5',
].join('\n');

const gathered = [
  {
    name: 'a.b',
    vhostPattern: '.*',
    queuePattern: '.*',
    applyTo: 'all',
    definition: { expires: 5 },
  },
  {
    name: 'limits',
    vhostPattern: '^prod-.*',
    queuePattern: '^q',
    applyTo: 'queues',
    definition: {
      'max-length': 10000,
      'max-length-bytes': 1048576,
      'message-ttl': 86_400_000,
      'queue-version': 2,
    },
  },
];

describe('default_policies.operator', () => {
  it('gathers the keys of each name', () => {
    expect(load({ file }).config.operatorPolicies).toEqual(gathered);
  });

  it('is printed so that it loads again', () => {
    const printed = printConfig(load({ file }));
    expect(load({ file: printed }).config.operatorPolicies).toEqual(gathered);
    expect(load({ file: printConfig(load({})) }).config.operatorPolicies).toEqual([]);
  });

  it('can be added to and emptied by a stronger layer', () => {
    const env = {
      WARRENMQ_DEFAULT_POLICIES_OPERATOR_LIMITS_MAX_LENGTH: '11',
      WARRENMQ_DEFAULT_POLICIES_OPERATOR_LIMITS_MAX_LENGTH_BYTES: '12',
    };
    const { definition } = load({ file, env }).config.operatorPolicies[1];
    expect(definition).toMatchObject({ 'max-length': 11, 'max-length-bytes': 12 });
    const set = ['default_policies.operator=none'];
    expect(load({ file, args: { set } }).config.operatorPolicies).toEqual([]);
  });
});
