import { parseArgs } from 'node:util';
import { type Kind, KINDS } from '../support/cluster/faultCluster.js';
import { FAULTS } from './faults/index.js';
import { INVARIANTS } from './invariants/index.js';
import type { Recording } from './recording.js';
import { FaultStage } from './stage.js';

const SESSION_TIMEOUT_MS = 3_000;

const { values } = parseArgs({ options: { backend: { type: 'string' }, only: { type: 'string' } } });

for (const kind of KINDS.filter((each) => values.backend === undefined || values.backend === each)) await run(kind);

async function run(kind: Kind): Promise<void> {
  const faults = FAULTS.filter(({ name, only }) => (only ?? kind) === kind && name.includes(values.only ?? ''));
  const apart = faults.filter(({ withUsers }) => kind === 'etcd' && withUsers);
  console.log(kind);
  for (const group of [faults.filter((fault) => !apart.includes(fault)), apart]) {
    if (group.length === 0) continue;
    const stage = await FaultStage.start(kind, SESSION_TIMEOUT_MS, group === apart);
    try {
      for (const fault of group) print(await stage.suffer(fault));
      print(await stage.end());
    } finally {
      await stage.close();
    }
  }
}

function print(recording: Recording): void {
  console.log(`  ${recording.fault} (${((recording.restAt - recording.from) / 1000).toFixed(1)} s)`);
  for (const [name, judge] of Object.entries(INVARIANTS)) {
    const verdict = judge(recording);
    if (!verdict) continue;
    const { held, measuredMs, boundMs, note, seen } = verdict;
    console.log(
      `    ${held ? 'held  ' : 'FAILED'} ${name} ${measuredMs === undefined ? '' : `${Math.round(measuredMs)} ms of ${boundMs}`} ${note ?? ''}`,
    );
    for (const line of seen.slice(0, 10)) console.log(`           ${line}`);
  }
}
