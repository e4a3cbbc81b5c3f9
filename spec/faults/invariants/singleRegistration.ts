import { Ledger } from '../ledger.js';
import { type Invariant, verdict } from './verdict.js';

/** At rest there is at most one node for each registration. */
export const singleRegistration: Invariant = (recording) => {
  const ledger = new Ledger(recording.actors);
  for (const change of recording.changes) ledger.change(change);
  const counts = new Map<string, string[]>();
  for (const { key, serial } of ledger.nodes.values()) counts.set(key, [...(counts.get(key) ?? []), serial]);
  const double = [...counts].filter(([, serials]) => serials.length > 1);
  return verdict(double.map(([key, serials]) => `${key} is there as ${serials.join(' and ')}`));
};
