import type { Invariant } from './invariant.js';

const SECOND_MS = 1_000;
/** So many attempts at the very same times are no chance. */
const IN_STEP = 4;

/** Nobody knocks oftener than the backoff lets him, and no two knock in step. */
export const boundedHerd: Invariant = {
  name: 'bounded herd',
  says: 'attempts per client grow no faster than the backoff allows, and no two clients share a schedule',
  *check(timeline, { attemptsPerSecond }) {
    const byClient = new Map<string, number[]>();
    for (const { client, atMs } of timeline.of('attempt'))
      byClient.set(client, [...(byClient.get(client) ?? []), atMs]);
    for (const [client, attempts] of byClient) {
      const connected = timeline.of('state').filter((event) => event.client === client && event.status === 'connected');
      for (let index = attemptsPerSecond; index < attempts.length; index += 1) {
        const [first, last] = [attempts[index - attemptsPerSecond]!, attempts[index]!];
        // The backoff begins anew with each connection.
        if (last - first >= SECOND_MS || connected.some(({ atMs }) => atMs > first && atMs < last)) continue;
        yield {
          atMs: attempts[index]!,
          what: `${client} knocked more than ${attemptsPerSecond} times within a second`,
        };
      }
    }
    const schedules = new Map<string, string>();
    for (const [client, attempts] of byClient) {
      for (let index = 0; index + IN_STEP <= attempts.length; index += 1) {
        // From one try to the next, not from a common beginning: those who were cut off together share that.
        const row = attempts.slice(index, index + IN_STEP);
        if (row.at(-1)! === row[0]!) continue;
        const schedule = row.map((atMs) => atMs.toFixed(2)).join(' ');
        const other = schedules.get(schedule);
        if (other !== undefined && other !== client)
          yield { atMs: row.at(-1)!, what: `${client} and ${other} knocked in step at ${schedule} ms` };
        schedules.set(schedule, client);
      }
    }
  },
};
