// An exchange type of one's own, x-prefix: a message goes where the binding key is a prefix of its
// routing key, and of those to the longest ones only. Runs in each acceptor thread of the broker.
// Load it with `plugins.1 = /path/to/prefix-exchange.js`; docs/plugins.md explains the interface.

class PrefixRouter {
  constructor() {
    /** Binding key -> the bindings that have it. */
    this.byKey = new Map();
  }

  bind(binding) {
    const same = this.byKey.get(binding.routingKey);
    if (same === undefined) this.byKey.set(binding.routingKey, new Set([binding]));
    else same.add(binding);
  }

  unbind(binding) {
    const same = this.byKey.get(binding.routingKey);
    if (same?.delete(binding) && same.size === 0) this.byKey.delete(binding.routingKey);
  }

  route({ routingKey }) {
    for (let length = routingKey.length; length >= 0; length -= 1) {
      const found = this.byKey.get(routingKey.slice(0, length));
      if (found !== undefined) return found;
    }
    return [];
  }
}

export default {
  name: 'prefix-exchange',
  version: '1.0.0',
  exchangeTypes: [
    {
      name: 'x-prefix',
      description: 'Routes by the longest binding key that the routing key begins with',
      // Equal routing keys always go to the same queues, so the broker may remember where.
      dependsOn: 'routing-key',
      createRouter: () => new PrefixRouter(),
      validateBinding: ({ routingKey }) =>
        routingKey.includes('*') || routingKey.includes('#')
          ? `binding key '${routingKey}' of an x-prefix exchange has a wildcard`
          : undefined,
    },
  ],
};
