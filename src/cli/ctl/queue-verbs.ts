// warrenmqctl's verbs about single queues. Runs in main.
import { escaped, type Row } from './api-client.ts';
import { CtlError, EXIT_CODES } from './ctl-error.ts';
import type { CtlContext, Verb } from './verb.ts';

function pathOf({ vhost }: CtlContext, queue: string): string {
  return `queues/${escaped(vhost)}/${escaped(queue)}`;
}

async function findQueue(context: CtlContext, queue: string): Promise<Row> {
  const found = await context.api.find(pathOf(context, queue));
  if (found !== undefined) return found;
  throw new CtlError(
    EXIT_CODES.data,
    `Queue '${queue}' in vhost '${context.vhost}' does not exist`,
  );
}

const purgeQueue: Verb = {
  name: 'purge_queue',
  arguments: '<queue>',
  description: 'Remove all messages of a queue that are not delivered.',
  run: async (context, [queue]) => {
    context.banner(`Purging queue '${queue}' in vhost '${context.vhost}' ...`);
    await findQueue(context, queue);
    await context.api.delete(`${pathOf(context, queue)}/contents`);
  },
};

const deleteQueue: Verb = {
  name: 'delete_queue',
  arguments: '<queue>',
  description: 'Delete a queue with its messages.',
  options: (command) => {
    command
      .option('-e, --if-empty', 'Only when it has no messages.')
      .option('-u, --if-unused', 'Only when it has no consumers.');
  },
  run: async (context, [queue], { ifEmpty, ifUnused }) => {
    context.banner(`Deleting queue '${queue}' on vhost '${context.vhost}' ...`);
    const { messages_ready: ready } = await findQueue(context, queue);
    const query = new URLSearchParams();
    if (ifEmpty === true) query.set('if-empty', 'true');
    if (ifUnused === true) query.set('if-unused', 'true');
    await context.api.delete(`${pathOf(context, queue)}?${query.toString()}`);
    const count = Number(ready);
    const messages = `${count} ready message${count === 1 ? '' : 's'}`;
    context.done(`Queue was successfully deleted with ${messages}`);
  },
};

export const queueVerbs: readonly Verb[] = [purgeQueue, deleteQueue];
