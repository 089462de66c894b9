// Runs the interceptors of all plugins over a publish, in the order of the configuration. Acceptor
// thread. One that throws, or gives something that is no table of properties, changes nothing.
import type { BasicProperties } from '../protocol/properties.ts';
import type { InterceptedPublish, MessageInterceptor } from './plugin.ts';
import type { PluginFaults } from './plugin-faults.ts';

export interface NamedInterceptor {
  readonly plugin: string;
  readonly interceptor: MessageInterceptor;
}

export class Interceptors {
  private readonly list: readonly NamedInterceptor[];
  private readonly faults: PluginFaults;

  constructor(list: readonly NamedInterceptor[], faults: PluginFaults) {
    this.list = list;
    this.faults = faults;
  }

  /** There is no need to decode anything for `run`. */
  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  /** The properties that the message shall have; undefined: those it has. */
  run(publish: InterceptedPublish): BasicProperties | undefined {
    let replaced: BasicProperties | undefined;
    for (const { plugin, interceptor } of this.list) {
      const seen = replaced === undefined ? publish : { ...publish, properties: replaced };
      try {
        replaced = propertiesOf(interceptor.onPublish(seen)) ?? replaced;
      } catch (error) {
        this.faults.caught(plugin, 'onPublish()', error);
      }
    }
    return replaced;
  }
}

function propertiesOf(returned: unknown): BasicProperties | undefined {
  if (returned === undefined || (typeof returned === 'object' && returned !== null)) {
    return returned;
  }
  throw new Error(`it gave ${String(returned)}, expected properties or undefined`);
}
