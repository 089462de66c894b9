// Runtime parameters (RabbitMQ docs, "Runtime Parameters") by which the broker keeps what is no
// parameter of a plugin: the supervisor and the management API read and write them alike, and the
// latter does not list them. Main thread.

/** Global parameters: they are those of no virtual host. */
export const GLOBAL_PARAMETERS = { vhost: '', component: 'global-parameter' } as const;

/** The description, tags and default queue type of a virtual host. */
export const VHOST_METADATA = { component: 'vhost-metadata', name: 'metadata' } as const;
