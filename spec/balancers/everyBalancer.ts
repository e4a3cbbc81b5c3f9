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
    ['roundRobin', roundRobin({ random: draw })],
    ['smoothWeightedRoundRobin', smoothWeightedRoundRobin({ random: draw })],
    ['random', random({ random: draw })],
    ['leastLoaded', leastLoaded({ random: draw })],
    ['powerOfTwoChoices', powerOfTwoChoices({ random: draw })],
    ['shortestResponse', shortestResponse({ random: draw })],
    ['consistentHash', consistentHash({ random: draw })],
    ['rendezvous', rendezvous({ random: draw })],
    ['sticky', sticky(leastLoaded({ random: draw }))],
  ];
}
