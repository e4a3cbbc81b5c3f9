import { BACKENDS, type Figure, rowsOf } from '../harness/figure.js';
import { paired } from '../harness/paired.js';

const SERVICE = 'com.acme.Reasserted';
const COUNT = 10_000;
/** So short that it does not take long to find out about a lease. */
const SESSION_TIMEOUT_MS = 6_000;

/** Announcing everything anew after a session was lost. */
export const reassert: Figure = {
  name: 'reassert',
  what: '10,000 registrations come back after their session was lost, from the new session on, against as many single creates in a new session',
  backends: BACKENDS,
  async measure(stage) {
    const ours = await stage.worker(stage.oursName, { sessionTimeoutMs: SESSION_TIMEOUT_MS });
    const raw = await stage.raw();
    await ours.call('register', SERVICE, COUNT);
    const repetitions = stage.times(3, 1);
    const comparisons = await paired(
      async () => {
        const reasserted = ours.call('reasserted');
        await stage.loseSession(ours);
        const { ms, cpuMs } = await reasserted;
        return { ms, cpuMs };
      },
      async () => {
        const { ms, cpuMs } = await raw.call('register', `${SERVICE}Raw`, COUNT);
        await stage.reconnect(raw);
        return { ms, cpuMs };
      },
      { repetitions, warmUps: stage.times(1, 0), onPair: (pair) => stage.progress(`${pair} of ${repetitions}`) },
    );
    return rowsOf(
      { figure: 'reassert', backend: stage.backend, at: COUNT.toLocaleString('en'), against: raw.name },
      { ms: ['until acknowledged', 'ms'], cpuMs: ['CPU', 'ms'] },
      comparisons,
    );
  },
};
