// Writes a line of JSON for each connection and queue that comes or goes, to the file that the
// environment variable EVENT_LOG_FILE names (event-log.jsonl in the working directory without it).
// Runs in the broker's main thread. Load it with `plugins.1 = /path/to/event-log.js`.
import { appendFile } from 'node:fs/promises';

const file = process.env.EVENT_LOG_FILE ?? 'event-log.jsonl';

export default {
  name: 'event-log',
  version: '1.0.0',
  eventListeners: [
    {
      events: ['connection.*', 'queue.*'],
      // The next event comes when this promise is settled, so the lines stay in order.
      async onEvent({ key, timestampMillis, properties }) {
        const time = new Date(timestampMillis).toISOString();
        const { name, vhost, user } = properties;
        await appendFile(file, `${JSON.stringify({ time, key, name, vhost, user })}\n`);
      },
    },
  ],
};
