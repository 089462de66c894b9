// The exchange types as the overview and the nodes list them. Main thread.
import { knownExchangeTypes } from '../../routing/exchange-types.ts';

export function exchangeTypeList(): object[] {
  return knownExchangeTypes().map((name) => ({
    name,
    description: `AMQP ${name} exchange, as per the AMQP specification`,
    enabled: true,
  }));
}
