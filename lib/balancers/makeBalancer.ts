import type { TimestampProvider } from 'rxjs';
import { InvalidOptionError } from '../errors.js';
import type { Balancer, BalancerFactory } from './balancer.js';

/**
 * Checks what was given as a balancer, before it is used: the likely slip is `balance(leastLoaded)` for
 * `balance(leastLoaded())`.
 *
 * A function without parameters is called to see what it makes; what it made is dropped.
 *
 * @throws InvalidOptionError if it makes no balancer.
 */
export function checkBalancer(balancer: BalancerFactory): void {
  if (typeof balancer !== 'function') throw notABalancer(balancer);
  if (balancer.length === 0) makeBalancer(balancer, { now: () => 0 });
}

/** Makes a balancer. @throws InvalidOptionError if that is not what the function makes. */
export function makeBalancer(factory: BalancerFactory, clock: TimestampProvider): Balancer {
  const made: unknown = factory(clock);
  if (isBalancer(made)) return made;
  throw notABalancer(factory, made);
}

function isBalancer(made: unknown): made is Balancer {
  if (typeof made !== 'object' || made === null) return false;
  return ['add', 'remove', 'pick'].every((name) => typeof (made as Record<string, unknown>)[name] === 'function');
}

function notABalancer(given: unknown, made?: unknown): InvalidOptionError {
  const isMaker = typeof given === 'function' && typeof made === 'function' && given.name !== '';
  const expected = isMaker ? `what ${given.name}() returns: call it` : 'a balancer such as leastLoaded()';
  return new InvalidOptionError('balancer', expected, given);
}
