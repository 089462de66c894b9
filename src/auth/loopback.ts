// The rule of loopback_users: the users named there (guest, unless configured otherwise) may log in
// from this machine only (RabbitMQ docs, "Access Control"; rabbit_net:is_loopback). Any thread,
// pure.
import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** 127.0.0.0/8, also mapped into IPv6 (::ffff:127.0.0.1), and ::1; false for what is no address. */
export function isLoopback(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  // BlockList sees through IPv4-mapped IPv6 addresses by itself.
  return loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

export function mayConnectFrom(
  username: string,
  remoteAddress: string,
  loopbackUsers: readonly string[],
): boolean {
  return !loopbackUsers.includes(username) || isLoopback(remoteAddress);
}
