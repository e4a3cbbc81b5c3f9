export type { Avoid } from './picker/avoid.js';
export { balance, type BalanceOptions } from './balance.js';
export type { AvoidCandidate, Balancer, BalancerFactory, CallResult, Candidate } from './balancer.js';
export { CallMeter, type CallMeterOptions, type CallOutcome, type MeteredCall } from './callMeter.js';
export { consistentHash, type ConsistentHashOptions } from './consistentHash/consistentHash.js';
export { leastLoaded } from './leastLoaded.js';
export { type ConcurrencyLimit, limitConcurrency, type LimitConcurrencyOptions } from './limitConcurrency.js';
export type {
  Call,
  CallContext,
  CallOnce,
  HedgeCounts,
  HedgeOptions,
  Picker,
  PickOptions,
  UseOptions,
} from './picker/picker.js';
export { powerOfTwoChoices, type PowerOfTwoChoicesOptions } from './powerOfTwoChoices/powerOfTwoChoices.js';
export { random, type RandomOptions } from './random.js';
export { rendezvous } from './rendezvous.js';
export { roundRobin } from './roundRobin.js';
export { shortestResponse, type ShortestResponseOptions } from './shortestResponse/shortestResponse.js';
export { smoothWeightedRoundRobin } from './smoothWeightedRoundRobin/smoothWeightedRoundRobin.js';
export { sticky, type StickyOptions } from './sticky.js';
