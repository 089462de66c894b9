// Makes docs/errors.md from the catalogue of refusals: `node src/errors/write-catalogue.ts` after
// changing it. Runs in a process of its own, never in the broker. A test compares the checked-in
// file with what this makes, and checks that every file of this folder is imported here.
import { writeFileSync } from 'node:fs';
import './access-refusals.ts';
import './auth-refusals.ts';
import './channel-refusals.ts';
import './connection-refusals.ts';
import './limit-refusals.ts';
import './protocol-refusals.ts';
import './topology-refusals.ts';
import './transaction-refusals.ts';
import { codeName, type RefusalKind, refusalCatalogue } from './refusal.ts';

const HEADER = `# Refusals

<!-- Made by src/errors/write-catalogue.ts from src/errors. Do not edit: change the catalogue and
     run \`node src/errors/write-catalogue.ts\`. -->

What the broker answers when it says no. A **channel** refusal closes one channel
(\`channel.close\`), a **connection** refusal the whole connection (\`connection.close\`). Codes are
those of AMQP 0-9-1, used as RabbitMQ uses them; the reply text starts with the code's name and then
has RabbitMQ's words, with names and values filled in, cut to the 255 bytes that AMQP allows.

The ids are for this page and for the source: clients see code and text.
`;

const SECTIONS: readonly (readonly [prefix: string, title: string])[] = [
  ['auth', 'Logging in'],
  ['access', 'Access control'],
  ['connection', 'Connections and frames'],
  ['limit', 'Limits of the configuration'],
  ['protocol', 'Bytes that cannot be decoded'],
  ['channel', 'Publishing, consuming, acknowledging'],
  ['transaction', 'Transactions'],
  ['topology', 'Queues, exchanges, bindings, virtual hosts'],
];

/** The whole page. */
export function errorReference(): string {
  const kinds = refusalCatalogue();
  const known = new Set(SECTIONS.map(([prefix]) => prefix));
  const stray = kinds.find((kind) => !known.has(prefixOf(kind)));
  if (stray !== undefined) throw new Error(`${stray.id} belongs to no section of docs/errors.md`);
  const sections = SECTIONS.map(([prefix, title]) => {
    const rows = kinds.filter((kind) => prefixOf(kind) === prefix).map(rowOf);
    const head = '| Id | Code | Closes | What to do |\n|---|---|---|---|';
    return `\n## ${title}\n\n${head}\n${rows.join('\n')}\n`;
  });
  return HEADER + sections.join('');
}

function prefixOf({ id }: RefusalKind): string {
  return id.slice(0, id.indexOf('.'));
}

function rowOf({ id, code, scope, remedy }: RefusalKind): string {
  return `| \`${id}\` | ${code} ${codeName(code)} | ${scope} | ${remedy.replaceAll('|', '\\|')} |`;
}

if (import.meta.main) {
  writeFileSync(new URL('../../docs/errors.md', import.meta.url), errorReference());
}
