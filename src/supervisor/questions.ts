// Answers what acceptors ask: topology commands, logins, virtual hosts. Main thread. Topology
// commands and openings take their turn as they come; a login takes as long as its backend does.
// Opening a connection is one step (limits.ts).
import type { AcceptorQuestion, Answer } from '../acceptor/control-messages.ts';
import { vhostAccessRefused } from '../errors/connection-refusals.ts';
import { AmqpError, type Refusal } from '../errors/refusal.ts';
import { vhostNotFound } from '../errors/topology-refusals.ts';
import type { ControlPlane } from './control-plane.ts';
import type { ConnectionPlaces } from './limits.ts';
import type { LiveLimits } from './live-limits.ts';
import type { Logins } from './logins.ts';

type Opening = Extract<AcceptorQuestion, { kind: 'open-vhost' }>;

export class Questions {
  private readonly control: ControlPlane;
  private readonly logins: Logins;
  private readonly places: ConnectionPlaces;
  private readonly limits: LiveLimits;

  constructor(control: ControlPlane, logins: Logins, places: ConnectionPlaces, limits: LiveLimits) {
    this.control = control;
    this.logins = logins;
    this.places = places;
    this.limits = limits;
  }

  async answer(question: AcceptorQuestion): Promise<Answer> {
    try {
      return await this.answerOrThrow(question);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      return refused(error.refusal);
    }
  }

  private async answerOrThrow(question: AcceptorQuestion): Promise<Answer> {
    switch (question.kind) {
      case 'execute':
        return this.control.execute(question.command);
      case 'authenticate': {
        const { connectionId, mechanism, credentials, remoteAddress } = question;
        const { logins } = this;
        const username = await logins.logIn(connectionId, mechanism, credentials, remoteAddress);
        return { refusal: undefined, queue: undefined, username };
      }
      case 'open-vhost':
        return this.openVhost(question);
      case 'update-secret': {
        const { connectionId, username, vhost, secret } = question;
        const access = await this.logins.updateSecret(connectionId, username, vhost, secret);
        return { refusal: undefined, queue: undefined, access };
      }
    }
  }

  /** In one step, so that the place is taken before the connection can be heard to have ended. */
  private openVhost({ connectionId, username, vhost }: Opening): Answer {
    if (!this.control.topology.hasVhost(vhost)) return refused(vhostNotFound(vhost));
    const overLimit = this.places.refusal(username, vhost);
    if (overLimit !== undefined) return refused(overLimit);
    const access = this.logins.accessOf(connectionId, username, vhost);
    if (access === undefined) return refused(vhostAccessRefused(vhost, username));
    const opening = {
      channelCounter: this.places.take(connectionId, username, vhost),
      channelsMax: this.limits.ofUser(username).channelsMax,
      access,
      followsUser: this.logins.followsUser(connectionId),
    };
    return { refusal: undefined, queue: undefined, opening };
  }
}

function refused(refusal: Refusal): Answer {
  return { refusal, queue: undefined };
}
