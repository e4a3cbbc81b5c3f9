import {
  type BalancerFactory,
  consistentHash,
  leastLoaded,
  powerOfTwoChoices,
  random,
  rendezvous,
  roundRobin,
  shortestResponse,
  smoothWeightedRoundRobin,
  sticky,
} from '../../lib/balancers/index.js';

/** Every balancer by its name, with default options but for what it draws numbers with. */
export function everyBalancer(draw: () => number): readonly (readonly [name: string, factory: BalancerFactory])[] {
  return [
    ['roundRobin', roundRobin()],
    ['smoothWeightedRoundRobin', smoothWeightedRoundRobin()],
    ['random', random({ random: draw })],
    ['leastLoaded', leastLoaded()],
    ['powerOfTwoChoices', powerOfTwoChoices({ random: draw })],
    ['shortestResponse', shortestResponse()],
    ['consistentHash', consistentHash({ random: draw })],
    ['rendezvous', rendezvous({ random: draw })],
    ['sticky', sticky(leastLoaded())],
  ];
}
