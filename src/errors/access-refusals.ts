// Refusals of access control: permissions, topic permissions, user-id, new secrets. Made in
// acceptors, but for secrets (main). Codes and first words: rabbit_access_control, rabbit_channel
// and rabbit_reader of RabbitMQ 4.x; 3.x left the permission out ("access to queue ...").
import { defineRefusal } from './refusal.ts';
import { type ResourceKind, resourceText } from './topology-refusals.ts';

/** What a permission allows; several where any of them will do. */
export type PermissionName = 'configure' | 'write' | 'read' | 'configure, write or read';

export const accessRefused = defineRefusal(
  {
    id: 'access.resource-refused',
    code: 403,
    scope: 'channel',
    remedy:
      'Grant the user a permission in the virtual host whose pattern matches the name ' +
      '(docs/access-control.md lists what each method needs).',
  },
  (permission: PermissionName, kind: ResourceKind, name: string, vhost: string, user: string) =>
    `${permission} access to ${resourceText(kind, name, vhost)} refused for user '${user}'`,
);

export const topicAccessRefused = defineRefusal(
  {
    id: 'access.topic-refused',
    code: 403,
    scope: 'channel',
    remedy:
      'Grant the user a topic permission on the exchange whose pattern matches the routing key, ' +
      'or clear the one that there is.',
  },
  (permission: 'write' | 'read', key: string, exchange: string, vhost: string, user: string) =>
    `${permission} access to topic '${key}' in ${resourceText('exchange', exchange, vhost)} ` +
    `refused for user '${user}'`,
);

export const wrongUserId = defineRefusal(
  {
    id: 'access.user-id',
    code: 406,
    scope: 'channel',
    remedy:
      'Leave the property user_id out or set it to the name that the connection has logged in ' +
      "with; users with the tag 'impersonator' may set any.",
  },
  (claimed: string, actual: string) =>
    `user_id property set to '${claimed}' but authenticated user was '${actual}'`,
);

export const secretRefused = defineRefusal(
  {
    id: 'access.secret-refused',
    code: 530,
    scope: 'connection',
    remedy: 'Log in again with credentials that the authentication backend takes.',
  },
  () => 'New secret was refused by one of the backends',
);
