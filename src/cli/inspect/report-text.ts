// What `warrenmq inspect` prints for people. Main thread, pure. What is wrong stands at the end,
// where it is seen first; long lists are cut, and say so.
import { readableSize } from '../../base/readable-size.ts';
import { depotsText } from './depots-text.ts';
import { logText } from './log-text.ts';
import type { Finding, InspectReport, QueueReport, TopologyReport, Totals } from './report.ts';
import { counted, grouped, printable, textTable } from './text-table.ts';
import { vhostText } from './topology-text.ts';

const FINDINGS_SHOWN = 50;

export function reportText(report: InspectReport): string {
  const parts = [headText(report)];
  const listed = report.queues.filter(({ listed: messages }) => messages !== undefined);
  if (listed.length > 0) {
    parts.push(queuesText(listed), ...listed.map((queue) => messagesText(queue)));
  } else if (report.listings.length === 0) {
    for (const log of report.logs) parts.push(logText(log, report.inUse !== undefined));
    parts.push(topologyText(report.topology), queuesText(report.queues));
    parts.push(depotsText(report.depots), totalsText(report.totals));
  }
  for (const { file, records, total } of report.listings) {
    const rows = records.map(({ offset, kind, bytes, text }) => {
      return [grouped(offset), kind, grouped(bytes), printable(text || '-')];
    });
    const table = textTable(['offset', 'kind', 'bytes', 'what it says'], rows, ['offset', 'bytes']);
    parts.push(`${file}: ${counted(total, 'record')}\n${table}${moreText(total - rows.length)}`);
  }
  parts.push(verdictText(report));
  return parts.filter((part) => part !== '').join('\n');
}

function headText({ directory, format, inUse }: InspectReport): string {
  const known = format === undefined ? 'no data directory around it' : `format ${format}`;
  if (inUse === undefined) return `${directory}: ${known}, not in use\n`;
  return (
    `${directory}: ${known}, in use by process ${inUse.pid} (since ${inUse.since})\n` +
    'The figures may change underneath: they are those of a moment, and not all of the same one.\n'
  );
}

function topologyText(topology: TopologyReport | undefined): string {
  if (topology === undefined) return 'no topology here: queues have numbers only\n';
  const { vhosts, queues, exchanges, bindings, parameters, users, listing } = topology;
  const counts = [
    counted(vhosts, 'virtual host'),
    counted(queues, 'durable queue'),
    `${counted(exchanges, 'exchange')} besides the predeclared`,
    counted(bindings, 'binding'),
    ...(parameters === 0 ? [] : [counted(parameters, 'parameter')]),
  ];
  const names = users.length === 0 ? 'none' : users.map((name) => printable(name)).join(', ');
  const lists = (listing ?? []).map((vhost) => `\n${vhostText(vhost)}`);
  return `what is declared: ${counts.join(', ')}\n  users: ${names}\n${lists.join('')}`;
}

function queuesText(queues: readonly QueueReport[]): string {
  if (queues.length === 0) return '';
  const headings = ['queue', 'vhost', 'id', 'log', 'messages', 'bytes', 'records', 'numbers'];
  const rows = queues.map(({ name, vhost, id, log, messages, bytes, records, from, to }) => [
    name === undefined ? '?' : printable(name),
    vhost === undefined ? '?' : printable(vhost),
    String(id),
    log,
    grouped(messages),
    readableSize(bytes),
    grouped(records),
    from === undefined ? '-' : `${from}..${to}`,
  ]);
  return `queues\n${textTable(headings, rows, ['id', 'messages', 'bytes', 'records'])}`;
}

function messagesText({ name, id, listed, messages }: QueueReport): string {
  if (listed === undefined || listed.length === 0) return '';
  const headings = ['number', 'segment', 'offset', 'bytes', 'persistent', 'deliveries'];
  const rows = listed.map((message) => [
    String(message.number),
    String(message.segment),
    message.inner === undefined ? `${message.offset}` : `${message.offset} + ${message.inner}`,
    grouped(message.bytes),
    message.isPersistent ? 'yes' : 'no',
    String(message.deliveries),
  ]);
  const right = headings.filter((heading) => heading !== 'persistent');
  const title = `messages of ${printable(name ?? `queue ${id}`)}, oldest first`;
  return `${title}\n${textTable(headings, rows, right)}${moreText(messages - listed.length)}`;
}

function moreText(hidden: number): string {
  return hidden <= 0 ? '' : `  ... and ${grouped(hidden)} more (--limit)\n`;
}

function totalsText({ messages, liveBytes, deadBytes, diskBytes, amplification }: Totals): string {
  const times =
    amplification === undefined
      ? ''
      : `, ${grouped(Number(amplification.toPrecision(3)))} times the live bytes`;
  return (
    `live: ${counted(messages, 'message')}, ${readableSize(liveBytes)}; ` +
    `dead: ${readableSize(deadBytes)}; on disk: ${readableSize(diskBytes)}${times}\n`
  );
}

function verdictText({ findings, totals, inUse }: InspectReport): string {
  if (findings.length === 0) {
    const read = `${counted(totals.records, 'record')} in ${counted(totals.files, 'file')}`;
    return `All is well: ${read} check out.\n`;
  }
  const shown = findings.slice(0, FINDINGS_SHOWN).map((finding) => `  ${findingText(finding)}\n`);
  const hidden = findings.length - shown.length;
  if (hidden > 0) shown.push(`  ... and ${grouped(hidden)} more (--json has all)\n`);
  const advice =
    inUse === undefined
      ? 'Keep a copy of the directory before you start the broker on it. It will use everything\n' +
        'around these places, and put copies of what is corrupt into quarantine/.'
      : 'A broker is running: run this again, and once more when it is stopped, to be sure.';
  const count = counted(findings.length, 'place');
  return `Something is wrong in ${count}:\n${shown.join('')}${advice}\n`;
}

function findingText({ file, from, to, text }: Finding): string {
  const where = from === undefined ? file : `${file}, offset ${from} to ${to}`;
  return `${where}: ${printable(text)}`;
}
