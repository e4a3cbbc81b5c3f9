import assert from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';

// Each assertion has its message: Node.js would look for one in the source, and reads it anew each time one is polled.

/**
 * Asserts that a value has what is expected of it; other properties do not matter.
 *
 * An array has as many elements as are expected. A class stands for any instance of it.
 */
export function assertMatches(actual: unknown, expected: unknown): void {
  if (matches(actual, expected)) return;
  throw new assert.AssertionError({ actual, expected, operator: 'assertMatches', stackStartFn: assertMatches });
}

/** Asserts that one number is greater than another. */
export function assertAbove<N extends number | bigint>(actual: N, bound: N): void {
  assert.ok(actual > bound, `${actual} is not above ${bound}`);
}

export function assertAtLeast<N extends number | bigint>(actual: N, bound: N): void {
  assert.ok(actual >= bound, `${actual} is below ${bound}`);
}

export function assertAtMost<N extends number | bigint>(actual: N, bound: N): void {
  assert.ok(actual <= bound, `${actual} is above ${bound}`);
}

export function assertBelow<N extends number | bigint>(actual: N, bound: N): void {
  assert.ok(actual < bound, `${actual} is not below ${bound}`);
}

export function assertIncludes<T>(list: readonly T[], element: T): void {
  assert.ok(list.includes(element), `${inspect(element)} is not among ${inspect(list)}`);
}

function matches(actual: unknown, expected: unknown): boolean {
  if (typeof expected === 'function') return actual instanceof expected;
  if (!isObject(expected)) return isDeepStrictEqual(actual, expected);
  if (!isObject(actual)) return false;
  if (Array.isArray(expected) && (!Array.isArray(actual) || actual.length !== expected.length)) return false;
  return Object.entries(expected).every(([key, value]) => matches(actual[key], value));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
