// Runs the interceptors of all plugins over a publish, in the order of the configuration. Acceptor
// thread. One that throws, or gives what is no set of properties, changes nothing.
import {
  type BasicProperties,
  decodeProperties,
  encodedProperties,
} from '../protocol/properties.ts';
import { WireReader } from '../protocol/wire-reader.ts';
import type { InterceptedPublish, MessageInterceptor } from './plugin.ts';
import type { PluginFaults } from './plugin-faults.ts';

export interface NamedInterceptor {
  readonly plugin: string;
  readonly interceptor: MessageInterceptor;
}

interface Replacement {
  readonly properties: BasicProperties;
  readonly encoded: Uint8Array;
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

  /** The properties, encoded, that the message shall have; undefined: those it has. */
  run(publish: InterceptedPublish, bytesMax: number): Uint8Array | undefined {
    let last: Replacement | undefined;
    for (const { plugin, interceptor } of this.list) {
      const seen = last === undefined ? publish : { ...publish, properties: last.properties };
      try {
        last = replacementOf(interceptor.onPublish(seen), bytesMax) ?? last;
      } catch (error) {
        this.faults.caught(plugin, 'onPublish()', error);
      }
    }
    return last?.encoded;
  }
}

/** Encoded and decoded again: what comes of it is what the message will have. */
function replacementOf(returned: unknown, bytesMax: number): Replacement | undefined {
  if (returned === undefined) return undefined;
  if (typeof returned !== 'object' || returned === null) {
    throw new Error(`it gave ${String(returned)}, expected properties or undefined`);
  }
  const encoded = encodedProperties(returned);
  if (encoded.length > bytesMax) {
    throw new Error(`its properties have ${encoded.length} bytes, at most ${bytesMax} are allowed`);
  }
  return { properties: decodeProperties(new WireReader(encoded)), encoded };
}
