// The places for channels that users have, one object for all connections of a user. Acceptor
// thread, cold. Main gives the counter with each virtual host that is opened, and each time another
// object comes out of the port for it; its number tells that it is the same memory.
// Only those of the users that opened last are remembered: who finds none shares it from then on.
import { ChannelPlaces } from './channel-places.ts';
import type { ChannelCounter } from './control-messages.ts';

const USERS_MAX = 64;

export class UserChannelPlaces {
  /** By number of the counter, oldest first. */
  private readonly known: Map<number, ChannelPlaces>;

  constructor() {
    this.known = new Map();
  }

  /** `max` is the user's limit as of now; undefined: none. */
  of({ id, memory }: ChannelCounter, max: number | undefined): ChannelPlaces {
    const known = this.known.get(id);
    if (known !== undefined) {
      known.limit(max);
      return known;
    }
    const places = new ChannelPlaces(memory, max);
    this.known.set(id, places);
    if (this.known.size > USERS_MAX) this.known.delete(this.known.keys().next().value!);
    return places;
  }
}
