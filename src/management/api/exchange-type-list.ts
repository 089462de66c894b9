// The exchange types as the overview and the nodes list them. Main thread.
import { exchangeTypes } from '../../routing/exchange-types.ts';

export function exchangeTypeList(): object[] {
  return exchangeTypes().map(({ name, description }) => ({ name, description, enabled: true }));
}
