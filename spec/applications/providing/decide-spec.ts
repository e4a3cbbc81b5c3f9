import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RegistryNode } from '../../../lib/port/index.js';
import { type Action, decide, type Observed, type Situation } from '../../../lib/applications/providing/decide.js';

const node = (owner: string | undefined): RegistryNode => ({ path: '/a', data: new Uint8Array(), owner, version: 1n });

const OBSERVED: Record<string, Observed> = {
  unknown: 'unknown',
  absent: 'absent',
  mine: node('me'),
  another: node('twin'),
  persistent: node(undefined),
};

type Row = readonly [desired: Situation['desired'], observed: string, when: Partial<Situation>, action: Action];

const EITHER = [true, false];

/** The whole table: what is not in `when` does not matter. */
const TABLE: readonly Row[] = [
  ['present', 'unknown', { fresh: true }, 'create'],
  ['present', 'unknown', { fresh: false }, 'look'],
  ['present', 'absent', {}, 'create'],
  ['present', 'mine', { ephemeral: true }, 'hold'],
  ['present', 'mine', { ephemeral: false, held: false }, 'takeOver'],
  ['present', 'mine', { ephemeral: false, held: true }, 'yield'],
  ['present', 'another', { held: false }, 'takeOver'],
  ['present', 'another', { held: true }, 'yield'],
  ['present', 'persistent', { ephemeral: false }, 'hold'],
  ['present', 'persistent', { ephemeral: true }, 'takeOver'],
  ['absent', 'unknown', {}, 'look'],
  ['absent', 'absent', { unanswered: false }, 'done'],
  ['absent', 'absent', { unanswered: true }, 'remove'],
  ['absent', 'mine', { ephemeral: true }, 'remove'],
  ['absent', 'mine', { ephemeral: false }, 'done'],
  ['absent', 'another', {}, 'done'],
  ['absent', 'persistent', { ephemeral: true }, 'done'],
  ['absent', 'persistent', { ephemeral: false }, 'remove'],
];

function situations([desired, observed, when]: Row): Situation[] {
  const either = when as Record<string, boolean>;
  const values = (name: string): readonly boolean[] => (name in either ? [either[name]!] : EITHER);
  return values('ephemeral').flatMap((ephemeral) =>
    values('fresh').flatMap((fresh) =>
      values('held').flatMap((held) =>
        values('unanswered').map((unanswered) => ({
          ...{ desired, observed: OBSERVED[observed]!, sessionId: 'me' },
          ...{ ephemeral, fresh, held, unanswered },
        })),
      ),
    ),
  );
}

describe('decide', () => {
  it.each(TABLE)('%s desired, %s observed, %j: %s', (...row) => {
    for (const situation of situations(row)) expect(decide(situation)).toBe(row[3]);
  });

  it('is decided for every situation by one row of that table', () => {
    const covered = TABLE.flatMap((row) => situations(row)).map((each) =>
      JSON.stringify(each, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
    );
    expect(new Set(covered).size).toBe(covered.length);
    expect(covered).toHaveLength(2 * 5 * 2 * 2 * 2 * 2);
  });

  const situation: fc.Arbitrary<Situation> = fc.record({
    desired: fc.constantFrom('present', 'absent'),
    observed: fc.oneof(
      fc.constantFrom<Observed>('unknown', 'absent'),
      fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }).map(node),
    ),
    sessionId: fc.constantFrom('a', 'b'),
    ephemeral: fc.boolean(),
    fresh: fc.boolean(),
    held: fc.boolean(),
    unanswered: fc.boolean(),
  });

  it('never removes, and never leaves for its own, what another session owns', () => {
    fc.assert(
      fc.property(situation, (each) => {
        const owner = typeof each.observed === 'string' ? undefined : each.observed.owner;
        const action = decide(each);
        if (owner !== undefined && owner !== each.sessionId) {
          expect(['takeOver', 'yield', 'done']).toContain(action);
        }
        if (each.desired === 'absent') expect(['look', 'remove', 'done']).toContain(action);
        if (each.desired === 'present') expect(['remove', 'done']).not.toContain(action);
      }),
      { numRuns: 1_000 },
    );
  });

  it('leads a registry that nobody else touches to what is desired, in few steps', () => {
    fc.assert(
      fc.property(situation, fc.constantFrom('absent', 'a', 'b', 'c', undefined), (start, truth) => {
        let there: RegistryNode | 'absent' = truth === 'absent' ? truth : node(truth);
        const { held } = start;
        let { observed, fresh, unanswered } = start;
        if (observed !== 'unknown') observed = there;
        const own = start.ephemeral ? start.sessionId : undefined;
        for (let step = 0; step < 6; step += 1) {
          const action = decide({ ...start, observed, fresh, held, unanswered });
          switch (action) {
            case 'look':
              observed = there;
              break;
            case 'create':
              fresh = false;
              if (there === 'absent') there = node(own);
              observed = there;
              break;
            case 'takeOver':
              observed = there = node(own);
              break;
            case 'remove':
              unanswered = false;
              observed = there = 'absent';
              break;
            case 'hold':
              expect(there).toEqual(node(own));
              return;
            case 'yield':
              expect(start.held).toBe(true);
              return;
            case 'done':
              if (there !== 'absent') expect(there.owner).not.toBe(own);
              return;
          }
        }
        expect.fail('it did not come to rest');
      }),
      { numRuns: 1_000 },
    );
  });
});
