// What a plugin is: the interface that authors write against (docs/plugins.md). Any thread. A
// plugin is a module whose default export has this shape. It is loaded once in main and once in
// each acceptor, so its variables are per thread, and it must not rely on there being one of it.
// Changes here break plugins: only add, and only what is optional.
import type { AuthBackend } from '../auth/backend.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import type { BasicProperties } from '../protocol/properties.ts';
import type { BindingSpec, ExchangeSpec } from '../routing/change.ts';

export interface Plugin {
  /** As the log names it. */
  readonly name: string;
  readonly version: string;
  readonly exchangeTypes?: readonly PluginExchangeType[];
  /** Asked in main, if auth_backends names them; what they throw refuses the login. */
  readonly authBackends?: readonly AuthBackend[];
  readonly messageInterceptors?: readonly MessageInterceptor[];
  readonly eventListeners?: readonly EventListener[];
}

/** Checked in main, where exchanges are declared, and routing in each acceptor. */
export interface PluginExchangeType {
  /** What exchange.declare says; by custom it begins with "x-". */
  readonly name: string;
  readonly description?: string;
  /**
   * `routing-key`: equal routing keys always lead to the same bindings, so acceptors remember the
   * outcome until a binding changes. `message`, the default: `route` is called for each message.
   */
  readonly dependsOn?: 'routing-key' | 'message';
  /** Called once for each exchange of the type. */
  createRouter(exchange: ExchangeSpec): ExchangeRouter;
  /** What is wrong with a new exchange, as a text for its client (406); undefined: nothing. */
  validate?(exchange: ExchangeSpec): string | undefined;
  /** What is wrong with a new binding, in the same way. */
  validateBinding?(binding: BindingSpec, exchange: ExchangeSpec): string | undefined;
}

/** One exchange in one acceptor. Its calls never overlap, and none may wait. */
export interface ExchangeRouter {
  bind(binding: BindingSpec): void;
  /** Gets the very object that `bind` got. */
  unbind(binding: BindingSpec): void;
  /** Which of the bindings it was given match. Called for each routing key of the message. */
  route(message: RoutedByPlugin): Iterable<BindingSpec>;
}

/** A message on its way through an exchange; headers and properties are decoded when asked for. */
export interface RoutedByPlugin {
  readonly routingKey: string;
  readonly headers: FieldTable | undefined;
  readonly properties: BasicProperties;
}

/** Sees each publish of a client in an acceptor, before it is routed. */
export interface MessageInterceptor {
  /** The properties that the message shall have instead; undefined leaves them. May not wait. */
  onPublish(publish: InterceptedPublish): BasicProperties | undefined;
}

export interface InterceptedPublish {
  readonly vhost: string;
  readonly user: string;
  readonly exchange: string;
  readonly routingKey: string;
  /** As the client sent them, or as the interceptor before has left them. */
  readonly properties: BasicProperties;
  readonly bodyBytes: number;
}

/** Hears in main what happens in the broker. */
export interface EventListener {
  /** Which events: topic patterns over keys, such as `queue.*`. Without them: all. */
  readonly events?: readonly string[];
  /** The next event comes when this has returned, or when the promise it returned is settled. */
  onEvent(event: BrokerEvent): void | Promise<void>;
}

/** Something that has happened (https://www.rabbitmq.com/docs/event-exchange). */
export interface BrokerEvent {
  /** `queue.created`, `connection.closed`: the routing keys of RabbitMQ's event exchange. */
  readonly key: string;
  readonly timestampMillis: number;
  /** RabbitMQ's names. */
  readonly properties: Readonly<Record<string, EventValue>>;
}

export type EventValue = string | number | boolean | undefined | FieldTable | readonly string[];
