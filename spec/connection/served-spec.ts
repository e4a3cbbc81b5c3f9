import { concat, EMPTY, NEVER, type Observable, of, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { connect, type Link, NotServedError, served } from '../../lib/connection/index.js';
import { type ErrorCode, RegistryError } from '../../lib/errors.js';
import type { BackendWarning } from '../../lib/port/index.js';
import { StatesTrace } from '../support/virtual/statesTrace.js';
import { VirtualTime } from '../support/virtual/virtualTime.js';
import { fakeSession } from './fakeSession.js';

const T = 12_000;

function linkThat(ping: Observable<unknown>, session = fakeSession('1', T)): Link {
  return { session, ping: () => ping, end: () => EMPTY };
}

const failure = (code: ErrorCode, cause?: Error): RegistryError => new RegistryError(code, code, { cause });
const closed = failure('CONNECTION_LOST');

describe('served', () => {
  function observe(opening: Observable<Link>): { links: Link[]; error: unknown } {
    const seen: { links: Link[]; error: unknown } = { links: [], error: undefined };
    served(opening).subscribe({
      next: (link) => seen.links.push(link),
      error: (error: unknown) => (seen.error = error),
    });
    return seen;
  }

  it('emits a link when its first request is answered, and not before', () => {
    const ping = new Subject<void>();
    const link = linkThat(ping);
    const seen = observe(concat(of(link), NEVER));
    expect(seen.links).toEqual([]);
    ping.next();
    expect(seen).toEqual({ links: [link], error: undefined });
  });

  it('takes an error that is an answer for an answer', () => {
    const link = linkThat(throwError(() => failure('NOT_AUTHORIZED')));
    expect(observe(concat(of(link), NEVER)).links).toEqual([link]);
  });

  it.each<[string, Observable<Link>]>([
    [
      'closes it',
      concat(
        of(linkThat(NEVER)),
        throwError(() => closed),
      ),
    ],
    ['fails the request', concat(of(linkThat(throwError(() => closed))), NEVER)],
  ])('errors if the server accepts the connection and %s', (_, opening) => {
    const { links, error } = observe(opening);
    expect(links).toEqual([]);
    expect(error).toBeInstanceOf(NotServedError);
    expect(error).toMatchObject({ code: 'CONNECTION_LOST', cause: closed });
  });

  it.each<ErrorCode>(['SESSION_EXPIRED', 'NOT_AUTHORIZED'])('passes on the verdict %s', (code) => {
    const verdict = failure(code);
    expect(
      observe(
        concat(
          of(linkThat(NEVER)),
          throwError(() => verdict),
        ),
      ).error,
    ).toBe(verdict);
  });

  it('passes on what happens before the connection is accepted, and after it was served', () => {
    expect(observe(throwError(() => closed)).error).toBe(closed);
    expect(
      observe(
        concat(
          of(linkThat(of('pong'))),
          throwError(() => closed),
        ),
      ).error,
    ).toBe(closed);
  });
});

describe('a server that accepts every connection and closes it at the first request', () => {
  interface Story {
    readonly time: VirtualTime;
    readonly trace: StatesTrace;
    readonly attempts: number[];
    readonly warnings: BackendWarning[];
    readonly server: { serves: boolean; why: RegistryError };
    readonly breakLink: () => void;
  }

  function tell(serves: boolean, why: RegistryError): Story {
    const time = new VirtualTime();
    const attempts: number[] = [];
    const server = { serves, why };
    let broken = new Subject<Link>();
    const backend = connect(
      (previous) => {
        attempts.push(time.now);
        const link = linkThat(server.serves ? of('pong') : NEVER, previous ?? fakeSession('1', T));
        broken = new Subject();
        const end: Observable<Link> = server.serves ? broken : throwError(() => server.why);
        return served(concat(of(link), end));
      },
      { name: 'closing', sessionTimeoutMs: T, scheduler: time.scheduler, reconnect: { random: () => 1 } },
    );
    const warnings: BackendWarning[] = [];
    backend.warnings!.subscribe((warning) => warnings.push(warning));
    const trace = new StatesTrace(backend.states, time.scheduler);
    return { time, trace, attempts, warnings, server, breakLink: () => broken.error(closed) };
  }

  const gaps = (times: readonly number[]): number[] => times.slice(1).map((at, index) => at - times[index]!);

  it('is never connected, and the waits go on growing', () => {
    const { time, trace, attempts } = tell(false, closed);
    time.pass(10_000);
    expect(new Set(trace.statuses)).toEqual(new Set(['connecting']));
    expect(gaps(attempts).slice(0, 7)).toEqual([100, 200, 400, 800, 1_500, 1_500, 1_500]);
  });

  it('is told with the reason: by the states, and by one warning after three attempts', () => {
    const { time, trace, attempts, warnings } = tell(false, closed);
    time.pass(299);
    expect([attempts.length, warnings.length]).toEqual([2, 0]);
    time.pass(60_000);
    expect(trace.last).toMatchObject({ status: 'connecting', cause: { code: 'CONNECTION_LOST', cause: closed } });
    expect(warnings).toMatchObject([{ code: 'NOT_SERVED', cause: { cause: closed } }]);
  });

  it('is told at once where the server says that credentials are missing', () => {
    const { time, warnings } = tell(false, failure('CONNECTION_LOST', failure('NOT_AUTHORIZED')));
    time.pass(50);
    expect(warnings).toHaveLength(1);
  });

  it('keeps a resumed session suspended, gives it up by our own clock, and is told again after it had served', () => {
    const { time, trace, warnings, server, breakLink } = tell(true, closed);
    time.pass(T / 6 + 1);
    server.serves = false;
    for (const expected of [1, 2]) {
      breakLink();
      time.pass(1_000);
      expect(trace.statuses.slice(-2)).toEqual(['connected', 'suspended']);
      expect(warnings).toHaveLength(expected);
      server.serves = true;
      time.pass(2_000);
      expect(trace.status).toBe('connected');
      server.serves = false;
    }
    const connectedAt = trace.at('connected')!;
    breakLink();
    time.pass(T + 1_000);
    // That it accepts is no proof of life: the clock goes on from what was served last.
    expect(trace.at('lost')!).toBeLessThanOrEqual(connectedAt + T);
    expect(trace.last).toMatchObject({ status: 'connecting', cause: { code: 'CONNECTION_LOST' } });
    expect(trace.flaws).toEqual([]);
  });
});
