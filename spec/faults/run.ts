import type { Kind } from '../support/cluster/faultCluster.js';
import { allHeld, broken, type Cell, judge, secondTime } from './cell.js';
import type { Fault } from './fault.js';
import { FaultStage } from './stage.js';

/** The session timeout that everybody asks for: all waits count in it. */
export const SESSION_TIMEOUT_MS = 3_000;

/**
 * Has faults happen one after another to one population, and judges each as soon as it is over.
 *
 * What a fault left in disorder would be held against the next one: then all begins anew. With `again`, a fault that did not hold
 * happens a second time, and what the first one showed is told with it: on a machine that others use too, one of seven hundred
 * cells may be late for their reasons.
 */
export async function* run(kind: Kind, faults: readonly Fault[], again = false): AsyncGenerator<Cell[]> {
  const possible = faults.filter(({ only = kind }) => only === kind);
  const apart = possible.filter(({ withUsers = false }) => withUsers && kind === 'etcd');
  yield* runTogether(
    kind,
    possible.filter((fault) => !apart.includes(fault)),
    { withUsers: false, again },
  );
  yield* runTogether(kind, apart, { withUsers: true, again });
}

async function* runTogether(
  kind: Kind,
  faults: readonly Fault[],
  { withUsers, again }: { readonly withUsers: boolean; readonly again: boolean },
): AsyncGenerator<Cell[]> {
  let stage: FaultStage | undefined;
  try {
    for (const [index, fault] of faults.entries()) {
      const suffer = async (): Promise<Cell[]> => {
        try {
          stage ??= await FaultStage.start(kind, SESSION_TIMEOUT_MS, withUsers);
          return judge(await stage.suffer(fault));
        } catch (error) {
          return [broken(kind, fault.name, error)];
        }
      };
      let cells = await suffer();
      if (again && !allHeld(cells)) {
        await stage?.close();
        stage = undefined;
        cells = secondTime(cells, await suffer());
      }
      yield cells;
      const isLast = index === faults.length - 1;
      if (isLast && stage) yield judge(await stage.end());
      if (isLast || allHeld(cells)) continue;
      await stage?.close();
      stage = undefined;
    }
  } finally {
    await stage?.close();
  }
}
