// The memory alarms in force, as main last said, and the virtual hosts they concern. Acceptor
// thread. An alarm that goes on stays the same object, so that connections that wait for its end
// see it end once.
import type { MemoryAlarm } from './control-messages.ts';
import { MemoryAlarmBlock } from './publish-block.ts';
import type { VhostContext } from './vhost-context.ts';

export class MemoryAlarms {
  private ofBroker: MemoryAlarmBlock | undefined;
  private ofVhosts: Map<string, MemoryAlarmBlock>;

  constructor() {
    this.ofBroker = undefined;
    this.ofVhosts = new Map();
  }

  set(alarms: readonly MemoryAlarm[]): void {
    const before = this.ofVhosts;
    const brokerBefore = this.ofBroker;
    this.ofBroker = undefined;
    this.ofVhosts = new Map();
    for (const alarm of alarms) {
      if (alarm.vhost === undefined) {
        this.ofBroker = brokerBefore ?? new MemoryAlarmBlock(alarm);
      } else {
        const block = before.get(alarm.vhost) ?? new MemoryAlarmBlock(alarm);
        this.ofVhosts.set(alarm.vhost, block);
      }
    }
    if (brokerBefore !== undefined) brokerBefore.isInForce = this.ofBroker !== undefined;
    for (const [vhost, block] of before) block.isInForce = this.ofVhosts.has(vhost);
  }

  applyTo(vhost: VhostContext): void {
    vhost.alarm = this.ofBroker ?? this.ofVhosts.get(vhost.name);
  }
}
