// The error of a plugin that cannot be loaded: which one, and why. Runs in main and in acceptors.
// `cause` is what was thrown; if that is an error of the plugin's own its stack is worth showing.

export class PluginError extends Error {
  constructor(module: string, key: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    super(`plugin '${module}' (${key}) cannot be loaded: ${reason}`, { cause });
    this.name = 'PluginError';
  }
}
