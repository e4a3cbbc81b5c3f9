import { of } from 'rxjs';
import { seededRandom } from '../../../lib/testing/seededRandom.js';
import { judge } from '../../support/invariants/index.js';
import { BACKOFF_MS, provider, SERVICE, SESSION_MS, World } from '../../support/virtual/index.js';
import { Recorder } from './recorder.js';
import { limitsOf, type Run } from './runSchedule.js';

const LATENCY_MS = 1;
const REST_MS = 2 * SESSION_MS + 4 * BACKOFF_MS;
export const BUCKET_MS = 100;

/** What became of many clients whose server went away and came back. */
export interface MassRestart extends Run {
  /** How many attempts to connect there were in each tenth of a second, from the server's return on. */
  readonly attempts: readonly number[];
}

/** Lets the server of many clients die and return, `outageMs` later: each has a registration, every five hundredth also consumes. */
export function massRestart(options: {
  readonly clients: number;
  readonly outageMs: number;
  readonly seed: number;
}): MassRestart {
  const world = new World({ latencyMs: LATENCY_MS });
  const { server, time } = world;
  const recorder = new Recorder(server, time);
  for (let index = 0; index < options.clients; index += 1) {
    const random = seededRandom(options.seed * 1_000_003 + index * 7_919);
    const backend = world.backend({ random });
    const { registry } = world.registry({ retry: { baseMs: 50, maxMs: BACKOFF_MS, random } }, backend);
    const name = `r${index + 1}`;
    recorder.client(name, backend, registry);
    recorder.registration(name, registry, of(provider(`h${index}`)));
    if (index % 500 === 0) recorder.consumer(name, registry, { interface: SERVICE }, () => undefined);
    // Programs do not start in step either.
    time.pass(1);
  }
  time.pass(REST_MS);
  recorder.add({ kind: 'rest' });
  recorder.add({ kind: 'fault', fault: 'stop', phase: 'begin', stops: 'server' });
  server.stop();
  time.pass(options.outageMs);
  const backMs = time.now;
  recorder.add({ kind: 'fault', fault: 'stop', phase: 'end', stops: 'server' });
  server.start();
  time.pass(REST_MS);
  recorder.add({ kind: 'rest' });
  recorder.add({ kind: 'count', what: 'sessions', have: server.sessions.length, need: options.clients });
  recorder.add({ kind: 'count', what: 'connections', have: server.connections, need: options.clients });

  const { history } = recorder;
  const attempts: number[] = [];
  for (const event of history) {
    if (event.kind !== 'attempt' || event.atMs < backMs) continue;
    const bucket = Math.floor((event.atMs - backMs) / BUCKET_MS);
    attempts[bucket] = (attempts[bucket] ?? 0) + 1;
  }
  return { history, flaws: judge(history, limitsOf(LATENCY_MS)).flatMap(({ flaws }) => flaws), attempts };
}
