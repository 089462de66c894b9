// A plugin's exchange type as one of the broker's. Checks run in main, routing in acceptors. What a
// plugin throws stays here: a check that fails refuses, a message that cannot be routed is
// unroutable in that exchange, and a router that could not be made routes nothing.
import type { BindingSpec, ExchangeSpec } from '../routing/change.ts';
import type { ExchangeMatcher, MatchSink } from '../routing/exchange-matcher.ts';
import type { ExchangeType } from '../routing/exchange-type.ts';
import type { RoutedMessage } from '../routing/routed-message.ts';
import type { Binding, Destination } from '../routing/topology-node.ts';
import type { ExchangeRouter, PluginExchangeType, RoutedByPlugin } from './plugin.ts';
import type { PluginFaults } from './plugin-faults.ts';

/** Runs something of the plugin; `instead` when that throws. */
type Guard = <Result>(what: string, run: () => Result, instead: Result) => Result;

export function pluginExchangeType(
  plugin: string,
  type: PluginExchangeType,
  faults: PluginFaults,
): ExchangeType {
  const guard: Guard = (what, run, instead) => {
    try {
      return run();
    } catch (error) {
      faults.caught(plugin, `${what} of ${type.name}`, error);
      return instead;
    }
  };
  const failed = `plugin '${plugin}' could not check it`;
  return {
    name: type.name,
    description: type.description ?? `Exchange type of plugin ${plugin}`,
    create: (spec) => new PluginMatcher(type, spec, guard),
    validate: (spec) => guard('validate()', () => textOf(type.validate?.(spec)), failed),
    validateBinding: (binding, exchange) =>
      guard('validateBinding()', () => textOf(type.validateBinding?.(binding, exchange)), failed),
  };
}

/** A refusal has to be a text. */
function textOf(problem: unknown): string | undefined {
  return problem === undefined ? undefined : String(problem);
}

class PluginMatcher implements ExchangeMatcher {
  readonly isAskedOnce = false;
  isCacheable: boolean;
  private readonly isByKey: boolean;
  private readonly guard: Guard;
  private readonly router: ExchangeRouter | undefined;
  private readonly bindings = new Map<BindingSpec, Binding>();

  constructor(type: PluginExchangeType, spec: ExchangeSpec, guard: Guard) {
    this.isByKey = type.dependsOn === 'routing-key';
    this.isCacheable = this.isByKey;
    this.guard = guard;
    this.router = guard<ExchangeRouter | undefined>(
      'createRouter()',
      () => type.createRouter(spec),
      undefined,
    );
  }

  bind(binding: Binding): void {
    this.bindings.set(binding.spec, binding);
    this.guard('bind()', () => this.router?.bind(binding.spec), undefined);
  }

  unbind(binding: Binding): void {
    this.guard('unbind()', () => this.router?.unbind(binding.spec), undefined);
    this.bindings.delete(binding.spec);
  }

  match(routingKey: string, message: RoutedMessage, sink: MatchSink): void {
    const found = this.guard('route()', () => this.ask(routingKey, message), undefined);
    // What went wrong for one message may go right for the next.
    this.isCacheable = this.isByKey && found !== undefined;
    if (found !== undefined) for (const destination of found) sink.found(destination);
  }

  private ask(routingKey: string, message: RoutedMessage): Destination[] {
    if (this.router === undefined) return [];
    const routed: RoutedByPlugin = {
      routingKey,
      get headers() {
        return message.headers;
      },
      get properties() {
        return message.properties;
      },
    };
    return Array.from(this.router.route(routed), (spec) => {
      const binding = this.bindings.get(spec);
      if (binding !== undefined) return binding.destination;
      throw new Error('route() gave something that is no binding of the exchange');
    });
  }
}
