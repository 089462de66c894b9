// Who may see what through the management API. Main thread, pure. The tags of a user decide, then
// the virtual hosts it has permissions for (RabbitMQ docs, "Management Plugin", permissions;
// rabbit_web_dispatch_access_control of 4.x).
//
//     management                what is in virtual hosts the user may use, and its own connections
//     policymaker               the same, and may set policies and parameters there
//     monitoring                the same, plus every connection, the node, every vhost's name
//     administrator             everything
import type { Identity } from '../auth/backend.ts';
import { accessRefused } from './http-refusal.ts';
import type { TopologyListings } from './source.ts';

/**
 * - management: any user who may use this API
 * - monitor: those who may see the whole node
 * - vhost: those who may see what is in the virtual host of the path, if the path names one
 * - visible-vhost: those who may see that virtual host itself
 * - policymaker: administrators, and policymakers in virtual hosts they may use
 * - administrator: only those
 * - loopback-or-monitor: anybody on this machine, monitors from elsewhere
 */
export type Access =
  | 'management'
  | 'monitor'
  | 'vhost'
  | 'visible-vhost'
  | 'policymaker'
  | 'administrator'
  | 'loopback-or-monitor';

const MANAGEMENT_TAGS = new Set(['administrator', 'monitoring', 'policymaker', 'management']);

export function isMonitor(user: Identity): boolean {
  return isAdministrator(user) || user.tags.includes('monitoring');
}

/** Throws the refusal that RabbitMQ gives. That a virtual host is missing is for others to say. */
export function assertAccess(
  user: Identity,
  access: Access,
  vhost: string | undefined,
  topology: TopologyListings,
): void {
  if (!user.tags.some((tag) => MANAGEMENT_TAGS.has(tag))) {
    throw accessRefused('Not management user');
  }
  switch (access) {
    case 'management':
      return;
    case 'monitor':
    case 'loopback-or-monitor':
      if (!isMonitor(user)) throw accessRefused('Not monitor user');
      return;
    case 'administrator':
      if (!isAdministrator(user)) throw accessRefused('Not administrator user');
      return;
    case 'policymaker':
      if (isAdministrator(user)) return;
      if (user.tags.includes('policymaker') && (vhost === undefined || maySee(user, vhost))) return;
      throw accessRefused('User not authorised to access object');
    case 'vhost':
    case 'visible-vhost': {
      if (vhost === undefined || !topology.hasVhost(vhost)) return;
      if (maySee(user, vhost) || (access === 'visible-vhost' && isMonitor(user))) return;
      throw accessRefused('User not authorised to access virtual host');
    }
  }
}

/** The virtual hosts whose queues, exchanges and bindings the user may see. */
export function accessibleVhosts(user: Identity, topology: TopologyListings): string[] {
  return [...topology.vhosts()].filter((vhost) => maySee(user, vhost)).sort();
}

/** The virtual hosts that the user may know of. */
export function visibleVhosts(user: Identity, topology: TopologyListings): string[] {
  return isMonitor(user) ? [...topology.vhosts()].sort() : accessibleVhosts(user, topology);
}

function maySee(user: Identity, vhost: string): boolean {
  return isAdministrator(user) || user.accessTo(vhost) !== undefined;
}

function isAdministrator(user: Identity): boolean {
  return user.tags.includes('administrator');
}
