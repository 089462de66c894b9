// What RabbitMQ calls this machine's broker: rabbit@ and the first part of the host name. Any
// thread. Clients meet it in refusals, operators in the management API.
import { hostname } from 'node:os';

export function nodeName(): string {
  return `rabbit@${hostname().split('.')[0]}`;
}
