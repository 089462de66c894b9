// The alarms in force, as main last said, and the virtual hosts they concern. Acceptor thread. An
// alarm that goes on stays the same block, so that connections that wait for its end see it end
// once. Of several that concern a virtual host its publishers wait for one after the other, and are
// not told in between that they may go on (connection-flow.ts).
import type { ResourceAlarm } from './control-messages.ts';
import { AlarmBlock } from './publish-block.ts';
import type { VhostContext } from './vhost-context.ts';

export class ResourceAlarms {
  /** Those of the broker by resource, first the one that counts. */
  private ofBroker: Map<string, AlarmBlock>;
  private ofVhosts: Map<string, AlarmBlock>;

  constructor() {
    this.ofBroker = new Map();
    this.ofVhosts = new Map();
  }

  set(alarms: readonly ResourceAlarm[]): void {
    const before = { ofBroker: this.ofBroker, ofVhosts: this.ofVhosts };
    this.ofBroker = new Map();
    this.ofVhosts = new Map();
    for (const alarm of alarms) {
      const { resource, vhost } = alarm;
      if (vhost === undefined) keepOrAdd(before.ofBroker, this.ofBroker, resource, alarm);
      else keepOrAdd(before.ofVhosts, this.ofVhosts, vhost, alarm);
    }
    for (const [resource, block] of before.ofBroker) block.isInForce = this.ofBroker.has(resource);
    for (const [vhost, block] of before.ofVhosts) block.isInForce = this.ofVhosts.has(vhost);
  }

  applyTo(vhost: VhostContext): void {
    const [ofBroker] = this.ofBroker.values();
    vhost.alarm = ofBroker ?? this.ofVhosts.get(vhost.name);
  }
}

function keepOrAdd(
  before: ReadonlyMap<string, AlarmBlock>,
  now: Map<string, AlarmBlock>,
  key: string,
  alarm: ResourceAlarm,
): void {
  const block = before.get(key) ?? new AlarmBlock(alarm);
  // Why a disk is low can change while it is.
  block.alarm = alarm;
  now.set(key, block);
}
