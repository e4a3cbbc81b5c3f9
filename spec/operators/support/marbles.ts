import { type MonoTypeOperatorFunction, type Observable, type SchedulerLike } from 'rxjs';
import { type RunHelpers, TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';
import type { InstanceSet } from '../../../lib/instances/index.js';
import { toSets, toTexts } from './sets.js';

/** A marble test in virtual time that must leave no timer behind. */
export function marbles(body: (helpers: RunHelpers, scheduler: SchedulerLike) => void): void {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  scheduler.run((helpers) => body(helpers, scheduler));
  expect(scheduler.actions).toEqual([]);
}

/** Runs an operator on sets over a stream of texts. */
export function through(
  texts: Observable<string>,
  operator: MonoTypeOperatorFunction<InstanceSet>,
): Observable<string> {
  return texts.pipe(toSets(), operator, toTexts());
}
