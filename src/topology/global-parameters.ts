// Where global parameters stand among the runtime parameters of virtual hosts (RabbitMQ docs,
// "Runtime Parameters"): the supervisor and the management API write them alike. Main thread.

/** They are those of no virtual host. */
export const GLOBAL_PARAMETERS = { vhost: '', component: 'global-parameter' } as const;
