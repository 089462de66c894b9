// Makes a fact about users, permissions or parameters so. Main thread. Why it cannot be is told
// with 400; the texts come from whoever keeps the fact.
import type { AccountFact } from '../../supervisor/facts/fact.ts';
import type { BrokerView } from '../broker-view.ts';
import { badRequest } from '../http-refusal.ts';

export async function recordFact({ source }: BrokerView, fact: AccountFact): Promise<void> {
  const problem = await source.control.record(fact);
  if (problem !== undefined) throw badRequest(problem);
}
