// The alarms in force, whatever resource they are about: told to the acceptors all together, each
// time one is set or cleared, and to the log. Main thread.
import type {
  AcceptorNotice,
  DiskAlarm,
  MemoryAlarm,
  ResourceAlarm,
} from '../acceptor/control-messages.ts';
import type { AlarmLog } from './alarm-log.ts';
import type { BrokerThread } from './broker-thread.ts';

export class AlarmBoard {
  private readonly acceptors: readonly Pick<BrokerThread<AcceptorNotice>, 'send'>[];
  private readonly log: Pick<AlarmLog, 'changed'>;
  private memory: readonly MemoryAlarm[];
  private disk: readonly DiskAlarm[];

  constructor(
    acceptors: readonly Pick<BrokerThread<AcceptorNotice>, 'send'>[],
    log: Pick<AlarmLog, 'changed'>,
  ) {
    this.acceptors = acceptors;
    this.log = log;
    this.memory = [];
    this.disk = [];
  }

  setMemory(alarms: readonly MemoryAlarm[]): void {
    this.memory = alarms;
    this.tell();
  }

  setDisk(alarm: DiskAlarm | undefined): void {
    this.disk = alarm === undefined ? [] : [alarm];
    this.tell();
  }

  raised(alarm: ResourceAlarm): void {
    this.log.changed(alarm, true);
  }

  /** `alarm`: with the figures of now. */
  cleared(alarm: ResourceAlarm): void {
    this.log.changed(alarm, false);
  }

  private tell(): void {
    const message = { kind: 'alarms', alarms: [...this.memory, ...this.disk] };
    for (const acceptor of this.acceptors) acceptor.send(message);
  }
}
