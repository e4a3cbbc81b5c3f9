import type { Kind } from '../support/cluster/faultCluster.js';
import { broken, type Cell, judge } from './cell.js';
import type { Fault } from './fault.js';
import { FaultStage } from './stage.js';

/** The session timeout that everybody asks for: all waits count in it. */
export const SESSION_TIMEOUT_MS = 3_000;

/**
 * Has faults happen one after another to one population, and judges each as soon as it is over.
 *
 * What a fault left in disorder would be held against the next one: then all begins anew.
 */
export async function* run(kind: Kind, faults: readonly Fault[]): AsyncGenerator<Cell[]> {
  const possible = faults.filter(({ only = kind }) => only === kind);
  const apart = possible.filter(({ withUsers = false }) => withUsers && kind === 'etcd');
  yield* runTogether(
    kind,
    possible.filter((fault) => !apart.includes(fault)),
    false,
  );
  yield* runTogether(kind, apart, true);
}

async function* runTogether(kind: Kind, faults: readonly Fault[], withUsers: boolean): AsyncGenerator<Cell[]> {
  let stage: FaultStage | undefined;
  try {
    for (const [index, fault] of faults.entries()) {
      let cells: Cell[];
      try {
        stage ??= await FaultStage.start(kind, SESSION_TIMEOUT_MS, withUsers);
        cells = judge(await stage.suffer(fault));
      } catch (error) {
        cells = [broken(kind, fault.name, error)];
      }
      yield cells;
      const isLast = index === faults.length - 1;
      if (isLast && stage) yield judge(await stage.end());
      if (isLast || cells.every(({ verdict }) => verdict.held)) continue;
      await stage?.close();
      stage = undefined;
    }
  } finally {
    await stage?.close();
  }
}
