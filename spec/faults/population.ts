import type { Actor } from '../support/population/actors.js';

/** What most of them provide. */
export const SERVICES = ['faults.Alpha', 'faults.Beta', 'faults.Gamma'];
/** How many consumers there are. */
export const CONSUMERS = 10;
/** A service that one provider provides. */
export const LONE = { actor: 'provider20', service: 'faults.Lone', process: 'D' };

/** The processes of the population: 20 providers and 10 consumers in all. */
export function population(): ReadonlyMap<string, readonly Actor[]> {
  const names = ['A', 'B', 'C', 'D'];
  const processes = new Map<string, Actor[]>(names.map((name) => [name, []]));
  for (let index = 1; index <= 20; index++) {
    const lone = index === 20;
    // Every second one of each process.
    const steady = Math.floor((index - 1) / names.length) % 2 === 0;
    processes.get(names[(index - 1) % names.length]!)!.push({
      role: 'provider',
      name: `provider${index}`,
      interface: lone ? LONE.service : SERVICES[Math.floor((index - 1) / names.length) % SERVICES.length]!,
      provides: `10.9.0.${index}:20880`,
      steady: lone || steady,
      twin: steady && !lone,
    });
  }
  const queries = [...SERVICES, ...SERVICES, LONE.service, '*', ...SERVICES.slice(0, 2)];
  for (const [index, query] of queries.entries()) {
    processes
      .get(names[index % names.length]!)!
      .push({ role: 'consumer', name: `consumer${index + 1}`, interface: query });
  }
  return processes;
}
