// warrenmqctl's verbs about the messages that an exchange delays; rabbitmqctl has none. Runs in
// main. The API lists them in pages, the next due first.
import { escaped, type Row } from './api-client.ts';
import { CtlError, EXIT_CODES } from './ctl-error.ts';
import { chosenColumns, type CtlContext, type Verb } from './verb.ts';

const LIMIT_DEFAULT = 100;
/** Of the API. */
const PAGE_SIZE_MAX = 500;
const LIMIT_MAX = 50_000;
const USUAL = ['id', 'due', 'routing_key', 'message_bytes'];
const KNOWN = [...USUAL, 'due_in', 'exchange', 'payload_bytes', 'properties'];

function pathOf({ vhost }: CtlContext, exchange: string): string {
  return `delayed/${escaped(vhost)}/${escaped(exchange)}`;
}

function nothingDelayed({ vhost }: CtlContext, exchange: string): CtlError {
  return new CtlError(
    EXIT_CODES.data,
    `Exchange '${exchange}' in vhost '${vhost}' does not exist or does not delay messages`,
  );
}

const listDelayed: Verb = {
  name: 'list_delayed',
  arguments: '<exchange> [columns...]',
  description: 'List messages that an exchange holds back, the next due first.',
  options: (command) => {
    command.option('--limit <count>', `How many at most; up to ${LIMIT_MAX}.`, `${LIMIT_DEFAULT}`);
  },
  run: async (context, [exchange, ...asked], options) => {
    const columns = chosenColumns(asked, USUAL, {}, KNOWN);
    const limit = limitOf(options['limit']);
    context.banner(`Listing delayed messages of exchange '${exchange}' ...`);
    context.rows(columns, await rowsOf(context, exchange, limit));
  },
};

/** Page by page. What becomes due meanwhile moves the others up, so some may be missed. */
async function rowsOf(context: CtlContext, exchange: string, limit: number): Promise<Row[]> {
  const rows: Row[] = [];
  const size = Math.min(limit, PAGE_SIZE_MAX);
  for (let page = 1; rows.length < limit; page += 1) {
    const path = `${pathOf(context, exchange)}?page=${page}&page_size=${size}`;
    const found = await context.api.find<{ items: Row[]; page_count: number }>(path);
    if (found === undefined) throw nothingDelayed(context, exchange);
    rows.push(...found.items);
    if (page >= found.page_count) break;
  }
  return rows.slice(0, limit);
}

function limitOf(text: unknown): number {
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= LIMIT_MAX) return limit;
  throw new CtlError(EXIT_CODES.usage, `--limit is a number from 1 to ${LIMIT_MAX}`);
}

const cancelDelayed: Verb = {
  name: 'cancel_delayed',
  arguments: '<exchange> [id]',
  description: 'Drop a delayed message, or all of an exchange, before it is due.',
  options: (command) => {
    command.option('--all', 'All that the exchange holds back.');
  },
  run: async (context, [exchange, id], { all }) => {
    if ((id === undefined) === (all !== true)) {
      throw new CtlError(EXIT_CODES.usage, 'name the id of a message, or say --all');
    }
    const what = all === true ? 'all delayed messages' : `delayed message ${id}`;
    context.banner(`Cancelling ${what} of exchange '${exchange}' in vhost '${context.vhost}' ...`);
    const path = pathOf(context, exchange);
    if (id === undefined) {
      if (!(await context.api.delete(path))) throw nothingDelayed(context, exchange);
    } else if (!(await context.api.delete(`${path}/${escaped(id)}`))) {
      throw new CtlError(EXIT_CODES.data, `No delayed message ${id} in exchange '${exchange}'`);
    }
  },
};

export const delayedVerbs: readonly Verb[] = [listDelayed, cancelDelayed];
