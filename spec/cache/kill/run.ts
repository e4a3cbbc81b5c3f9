// `npx tsx spec/cache/kill/run.ts [1000]`: kills a process in the middle of writing so often, and reads what it has left.
import { killWriters } from './killWriters.js';

const report = await killWriters(Number(process.argv[2] ?? 1_000));
console.log(`${report.kills} kills, ${report.states} states, ${report.newer} read before they were acknowledged`);
for (const problem of report.problems) console.error(problem);
process.exitCode = report.problems.length > 0 ? 1 : 0;
