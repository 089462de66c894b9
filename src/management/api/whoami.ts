// GET /api/whoami: the user who asks. Main thread.
import { type ApiRequest, readOnly } from '../route.ts';

function whoami({ user }: ApiRequest): object {
  return { name: user.name, tags: user.tags };
}

export const whoamiRoutes = [readOnly('/api/whoami', 'management', whoami)];
