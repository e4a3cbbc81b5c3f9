import {
  type AvoidCandidate,
  type BalancerFactory,
  type Candidate,
  consistentHash,
  leastLoaded,
  powerOfTwoChoices,
  random,
  rendezvous,
  roundRobin,
  shortestResponse,
  smoothWeightedRoundRobin,
  sticky,
} from '../../lib/operators/index.js';
import type { Fleet, MakeBalancer } from './fleet.js';

/** Whoever has the fewest calls for its workers, of all clients, and is well; which nobody can know. */
function oracle(fleet: Fleet, draw: () => number): BalancerFactory {
  return () => {
    const candidates = new Set<Candidate>();
    return {
      add: (candidate) => void candidates.add(candidate),
      remove: (candidate) => void candidates.delete(candidate),
      pick: (_key, avoid?: AvoidCandidate) => {
        let [best, least, equals]: [Candidate | undefined, number, number] = [undefined, Infinity, 0];
        for (const candidate of candidates) {
          if (avoid?.(candidate)) continue;
          const { health, load, workers } = fleet.hostOf(candidate.key);
          const score = health === 'well' ? load / workers : 1e9;
          if (score > least) continue;
          equals = score < least ? 1 : equals + 1;
          least = score;
          if (draw() * equals < 1) best = candidate;
        }
        return best;
      },
    };
  };
}

/** Every balancer, beside one that knows everything and one that knows nothing. */
export const CONTESTANTS: Readonly<Record<string, MakeBalancer>> = {
  'exact least loaded': oracle,
  'uniform random': (_fleet, draw) => random({ random: draw }),
  roundRobin: (_fleet, draw) => roundRobin({ random: draw }),
  smoothWeightedRoundRobin: (_fleet, draw) => smoothWeightedRoundRobin({ random: draw }),
  leastLoaded: (_fleet, draw) => leastLoaded({ random: draw }),
  powerOfTwoChoices: (_fleet, draw) => powerOfTwoChoices({ random: draw }),
  shortestResponse: (_fleet, draw) => shortestResponse({ random: draw }),
  consistentHash: () => consistentHash(),
  rendezvous: () => rendezvous(),
  'sticky(leastLoaded)': (_fleet, draw) => sticky(leastLoaded({ random: draw })),
};
