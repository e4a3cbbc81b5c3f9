import fc from 'fast-check';
import { type MonoTypeOperatorFunction, type SchedulerLike, Subject, VirtualTimeScheduler } from 'rxjs';
import { InstanceLedger, type InstanceSet } from '../../../lib/instances/index.js';
import { textOf, writeText } from './sets.js';

/** What is there from a moment on. */
export interface Moment {
  readonly at: number;
  readonly text: string;
}

/** Random histories: sets of six instances that come, change and go, with waits in between. */
export const histories: fc.Arbitrary<readonly Moment[]> = fc
  .array(
    fc.record({
      wait: fc.oneof(
        { weight: 2, arbitrary: fc.constant(0) },
        { weight: 5, arbitrary: fc.integer({ min: 1, max: 8 }) },
      ),
      letters: fc.tuple(
        ...[...'abcdef'].map((letter) => fc.constantFrom('', '', letter, letter, letter.toUpperCase())),
      ),
      all: fc.constantFrom('', '', '', '', '.', 'abcdef'),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((steps) => {
    let at = 0;
    return steps.map(({ wait, letters, all }) => ({ at: (at += wait), text: all || letters.join('') || '.' }));
  });

/** What an operator makes of a history in virtual time; the source completes after so many milliseconds, or never. */
export function play(
  history: readonly Moment[],
  make: (scheduler: SchedulerLike) => MonoTypeOperatorFunction<InstanceSet>,
  { completeAfterMs, runMs = 1_000 }: { completeAfterMs?: number; runMs?: number } = {},
): Moment[] {
  const scheduler = new VirtualTimeScheduler(undefined, runMs);
  const ledger = new InstanceLedger();
  const source = new Subject<InstanceSet>();
  const told: Moment[] = [];
  const subscription = source
    .pipe(make(scheduler))
    .subscribe((set) => told.push({ at: scheduler.now(), text: textOf(set) }));
  for (const { at, text } of history) scheduler.schedule(() => source.next(writeText(ledger, text)), at);
  const end = history.at(-1)?.at ?? 0;
  if (completeAfterMs !== undefined) scheduler.schedule(() => source.complete(), end + completeAfterMs);
  scheduler.flush();
  subscription.unsubscribe();
  return told;
}

/** What was told at a moment, after all that happened at it. */
export function at(moments: readonly Moment[], when: number): string | undefined {
  return moments.findLast((moment) => moment.at <= when)?.text;
}

/** Drops what does not differ from what came before: what an operator need not tell. */
export function distinct(moments: readonly Moment[]): Moment[] {
  return moments.filter(({ text }, index) => index === 0 || moments[index - 1]!.text !== text);
}
