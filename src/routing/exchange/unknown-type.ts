// An exchange whose type came with a plugin that is not loaded now: it is kept, with its bindings,
// and publishing to it is refused (406, as in RabbitMQ: rabbit_exchange_type_invalid) until the
// plugin is back. Messages that come through another exchange find nothing here.
// Runs in each thread that keeps a replica.
import type { ExchangeMatcher } from '../exchange-matcher.ts';

export class UnknownTypeMatcher implements ExchangeMatcher {
  readonly isCacheable = true;
  readonly isAskedOnce = true;

  bind(): void {
    // The replica keeps the binding; there is nobody to show it to.
  }

  unbind(): void {
    // As above.
  }

  match(): void {
    // No destinations.
  }
}
