// What is declared in a virtual host, for --topology. Main thread, pure.
import type { VhostListing } from './report.ts';
import { printable, textTable } from './text-table.ts';

export function vhostText(vhost: VhostListing): string {
  const users = vhost.users.map((name) => printable(name)).join(', ');
  const parts = [`virtual host ${printable(vhost.name)}: users ${users || 'none'}\n`];
  if (vhost.queues.length > 0) {
    const rows = vhost.queues.map(({ name, id, shard }) => [
      printable(name),
      String(id),
      String(shard),
    ]);
    parts.push(textTable(['queue', 'id', 'shard'], rows, ['id', 'shard']));
  }
  if (vhost.exchanges.length > 0) {
    const rows = vhost.exchanges.map(({ name, type }) => [printable(name), printable(type)]);
    parts.push(textTable(['exchange', 'type'], rows, []));
  }
  if (vhost.bindings.length > 0) {
    const rows = vhost.bindings.map(({ source, destination, destinationKind, routingKey }) => [
      printable(source),
      destinationKind,
      printable(destination),
      printable(routingKey),
    ]);
    parts.push(textTable(['from exchange', 'to', 'name', 'routing key'], rows, []));
  }
  return parts.join('');
}
