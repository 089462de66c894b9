// How a host is written wherever the configuration names one. Runs in main only. Names are not
// looked up here: the system does that when the broker starts to listen.
import { isIP } from 'node:net';

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/iu;

/** An IP address, in brackets or not, or a host name; undefined when it is neither. */
export function parseHost(text: string): string | undefined {
  const host = text.replace(/^\[(.+)\]$/u, '$1');
  if (isIP(host) !== 0) return host;
  // Digits and dots alone were meant to be an IPv4 address, and are not one.
  return host === text && HOST_NAME.test(host) && !/^[\d.]+$/u.test(host) ? host : undefined;
}
