import fc from 'fast-check';
import type { MemoryDirection } from '../../../lib/backends/memory/index.js';
import { SESSION_MS } from '../../support/virtual/index.js';

/** How many registries there are at a time, how many registrations each can have, how many services and queries there are. */
export const REGISTRIES = 3;
const SLOTS = 2;

/** What a consumer does in its handler of events. */
export type Habit = 'calm' | 'throws' | 'leaves' | 'subscribes' | 'registers' | 'releases';

/** One thing that happens in a village; what makes no sense at its time does nothing. */
export type Step =
  | { readonly do: 'register' | 'move'; readonly who: number; readonly slot: number; readonly url: number }
  | { readonly do: 'release'; readonly who: number; readonly slot: number }
  | { readonly do: 'subscribe'; readonly who: number; readonly query: number; readonly habit: Habit }
  | { readonly do: 'unsubscribe' | 'close' | 'cut' | 'hangUp' | 'expire' | 'healOne'; readonly who: number }
  | { readonly do: 'blackHole'; readonly who: number; readonly direction: MemoryDirection }
  | { readonly do: 'slowDown'; readonly who: number; readonly ms: number }
  | {
      readonly do:
        'heal' | 'freeze' | 'thaw' | 'stop' | 'start' | 'backup' | 'restore' | 'restoreCopy' | 'wipe' | 'rest';
    }
  | { readonly do: 'deleteTree'; readonly what: number }
  | { readonly do: 'compact' | 'deleteNode' | 'writeNode' | 'replaceNode'; readonly index: number }
  | { readonly do: 'loseAnswers' | 'loseNotifications' | 'repeatNotifications'; readonly count: number }
  | { readonly do: 'deleteAgain'; readonly index: number; readonly times: number; readonly everyMs: number }
  | { readonly do: 'delayCleanup'; readonly ms: number }
  | { readonly do: 'poison' | 'foreign'; readonly which: number }
  | { readonly do: 'pass'; readonly ms: number };

/** Everything that a village goes through. */
export interface Schedule {
  readonly latencyMs: number;
  /** By how much answers and what watches of nodes tell overtake each other, at most. @defaultValue 0 */
  readonly reorderMs?: number;
  /** From which all backoffs are drawn. */
  readonly seed: number;
  readonly steps: readonly Step[];
}

const who = fc.nat(REGISTRIES - 1);
const slot = fc.nat(SLOTS - 1);
const url = fc.nat(11);
const count = fc.integer({ min: 1, max: 3 });
const index = fc.nat(5);

/** Short and long, and the very moments at which something is decided. */
const TIMES_MS = [
  0,
  1,
  2,
  5,
  20,
  50,
  100,
  400,
  ...[
    SESSION_MS / 6,
    SESSION_MS / 4,
    SESSION_MS / 3,
    (SESSION_MS * 5) / 12,
    SESSION_MS / 2,
    (SESSION_MS * 2) / 3,
    SESSION_MS,
  ].flatMap((ms) => [ms - 1, ms, ms + 1]),
  4_000,
];

const wishes: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('register', 'register', 'move'), who, slot, url }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release'), who, slot }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subscribe'),
      who,
      query: fc.nat(4),
      habit: fc.constantFrom<Habit[]>(
        'calm',
        'calm',
        'calm',
        'throws',
        'leaves',
        'subscribes',
        'registers',
        'releases',
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('unsubscribe', 'unsubscribe', 'close'), who }) },
);

const faultsOfOne: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cut', 'hangUp', 'expire', 'healOne'), who }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('blackHole'),
      who,
      direction: fc.constantFrom<MemoryDirection[]>('both', 'requests', 'answers'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('slowDown'), who, ms: fc.constantFrom(10, 300, 749, 751) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('loseAnswers', 'loseNotifications', 'repeatNotifications'), count }),
  },
);

const faultsOfAll: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('heal', 'heal', 'heal', 'freeze', 'thaw', 'stop', 'start') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('backup', 'restore', 'restoreCopy', 'wipe') }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('delayCleanup'), ms: fc.constantFrom(0, 1, 500, 2_000, SESSION_MS) }),
  },
);

const thirdParties: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deleteTree'), what: fc.nat(3) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('compact', 'deleteNode', 'deleteNode', 'writeNode', 'replaceNode'),
      index,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('deleteAgain'),
      index,
      times: fc.integer({ min: 2, max: 8 }),
      everyMs: fc.constantFrom(1, 5),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('poison', 'foreign'), which: fc.nat(3) }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: wishes },
  { weight: 8, arbitrary: faultsOfOne },
  { weight: 5, arbitrary: faultsOfAll },
  { weight: 4, arbitrary: thirdParties },
  { weight: 9, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(...TIMES_MS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rest') }) },
);

/** Every schedule that could be. */
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  latencyMs: fc.constantFrom(0, 3),
  reorderMs: fc.constantFrom(0, 10),
  seed: fc.nat(1_000),
  steps: fc.array(step, { minLength: 5, maxLength: 50, size: 'max' }),
});
