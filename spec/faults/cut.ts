import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kind } from '../support/cluster/faultCluster.js';
import { judge } from './cell.js';
import { CUT } from './faults/index.js';
import { line } from './report.js';
import { SESSION_TIMEOUT_MS } from './run.js';
import { FaultStage } from './stage.js';

/** The cut of the matrix that is run with every change. */
export function describeCut(kind: Kind): void {
  describe(`20 providers and 10 consumers on three servers of ${kind}`, () => {
    let stage: FaultStage;
    beforeAll(async () => {
      stage = await FaultStage.start(kind, SESSION_TIMEOUT_MS);
    });
    afterAll(() => stage.close());

    it.each(CUT.map((fault) => [fault.name, fault] as const))('hold every invariant when %s', async (_, fault) => {
      expect(failures(judge(await stage.suffer(fault)))).toEqual([]);
    });

    it('hold every invariant when everybody closes', async () => {
      expect(failures(judge(await stage.end()))).toEqual([]);
    });
  });
}

function failures(cells: ReturnType<typeof judge>): string[] {
  return cells.filter(({ verdict }) => !verdict.held).map((cell) => [line(cell), ...cell.verdict.seen].join('\n'));
}
