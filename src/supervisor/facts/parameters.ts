// Named parameters of virtual hosts (https://www.rabbitmq.com/docs/parameters): kept, restored and
// found by component and name. Main thread. What a value means is its component's business.
import type { JsonValue, Parameter } from './fact.ts';

export class Parameters {
  private readonly byKey = new Map<string, Parameter>();

  set(parameter: Parameter): void {
    this.byKey.set(keyOf(parameter), parameter);
  }

  remove(parameter: Omit<Parameter, 'value'>): boolean {
    return this.byKey.delete(keyOf(parameter));
  }

  find(vhost: string, component: string, name: string): JsonValue | undefined {
    return this.byKey.get(keyOf({ vhost, component, name }))?.value;
  }

  all(): Iterable<Parameter> {
    return this.byKey.values();
  }

  forgetVhost(vhost: string): void {
    for (const parameter of [...this.all()]) {
      if (parameter.vhost === vhost) this.remove(parameter);
    }
  }
}

function keyOf({ vhost, component, name }: Omit<Parameter, 'value'>): string {
  return JSON.stringify([vhost, component, name]);
}
