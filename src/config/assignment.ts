// One value that somebody gave for one key, and where: what the file, the environment and the flags
// are reduced to before they are laid over each other. Runs in main only.

/** Later layers win over earlier ones. */
export const LAYERS = ['file', 'rabbitmq-environment', 'warrenmq-environment', 'flags'] as const;
type Layer = (typeof LAYERS)[number];

export interface Assignment {
  readonly layer: Layer;
  /** A key of the schema, an entry of one of its lists, or one of the two pseudo keys below. */
  readonly key: string;
  readonly value: string;
  /** `warrenmq.conf:12`, `environment RABBITMQ_NODE_PORT`, `flag --port`. */
  readonly place: string;
}

/** Changes the port of every listener (--port, RABBITMQ_NODE_PORT). Not a key that users write. */
export const PORT_KEY = 'listeners.tcp:port';
/** Changes the host of every listener (--host, RABBITMQ_NODE_IP_ADDRESS). */
export const HOST_KEY = 'listeners.tcp:host';
