import {
  concat,
  defer,
  EMPTY,
  map,
  merge,
  NEVER,
  Observable,
  of,
  type SchedulerLike,
  Subject,
  Subscription,
  switchMap,
  timeout,
  timer,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type Token, User } from '../../../lib/backends/etcd/user.js';
import { connect, type Link } from '../../../lib/connection/index.js';
import { RegistryError } from '../../../lib/errors.js';
import type { Session } from '../../../lib/port/index.js';
import { seededRandom } from '../../../lib/testing/seededRandom.js';
import { fakeSession } from '../../connection/fakeSession.js';
import { StatesTrace } from '../../support/virtual/statesTrace.js';
import { VirtualTime } from '../../support/virtual/virtualTime.js';

const T = 10_000;
const CLIENTS = 300;
const LOGINS_PER_SECOND = 9;
/** What is promised, where everybody must log in. */
const BOUND_MS = 1.5 * (CLIENTS / LOGINS_PER_SECOND) * 1_000 + 5_000;

interface Login {
  readonly answer: Subject<string>;
  /** Up to where the server has to have worked. */
  readonly doneAt: number;
}

/** A server that hashes passwords: so many a second, one after another or all at once, also those that nobody waits for. */
class BusyServer {
  /** How many logins it was asked for. */
  logins = 0;
  readonly #scheduler: SchedulerLike;
  readonly #order: 'one after another' | 'all at once';
  readonly #links = new Set<Subject<never>>();
  readonly #valid = new Set<string>();
  #underWay: Login[] = [];
  /** How many logins' worth of work each one under way, or all together, has had. */
  #work = 0;
  #workAt = 0;
  #planned = Subscription.EMPTY;

  constructor(scheduler: SchedulerLike, order: 'one after another' | 'all at once') {
    this.#scheduler = scheduler;
    this.#order = order;
  }

  authenticate(): Observable<string> {
    return new Observable((subscriber) => {
      this.logins += 1;
      this.#advance();
      const answer = new Subject<string>();
      const before = this.#order === 'all at once' ? this.#work : (this.#underWay.at(-1)?.doneAt ?? this.#work);
      this.#underWay.push({ answer, doneAt: before + 1 });
      this.#plan();
      subscriber.add(answer.subscribe(subscriber));
    });
  }

  takes(token: string | undefined): boolean {
    return token !== undefined && this.#valid.has(token);
  }

  /** A connection: errors when the server restarts. */
  link(): Observable<never> {
    const link = new Subject<never>();
    return new Observable((subscriber) => {
      this.#links.add(link);
      subscriber.add(link.subscribe(subscriber));
      return () => this.#links.delete(link);
    });
  }

  restart({ forgets }: { readonly forgets: boolean }): void {
    if (forgets) this.#valid.clear();
    const broken = [...this.#links, ...this.#underWay.map(({ answer }) => answer)];
    this.#links.clear();
    this.#underWay = [];
    for (const each of broken) each.error(new RegistryError('CONNECTION_LOST', 'restarted'));
  }

  get #rate(): number {
    const atOnce = this.#order === 'all at once' ? Math.max(1, this.#underWay.length) : 1;
    return LOGINS_PER_SECOND / 1_000 / atOnce;
  }

  #advance(): void {
    const now = this.#scheduler.now();
    this.#work += (now - this.#workAt) * this.#rate;
    this.#workAt = now;
    const isDone = ({ doneAt }: Login): boolean => doneAt <= this.#work + 1e-9;
    const done = this.#underWay.filter(isDone);
    this.#underWay = this.#underWay.filter((login) => !isDone(login));
    for (const { answer } of done) {
      const token = `t${this.#valid.size}`;
      this.#valid.add(token);
      answer.next(token);
    }
  }

  #plan(): void {
    const next = Math.min(...this.#underWay.map(({ doneAt }) => doneAt));
    if (next === Infinity) return;
    this.#planned.unsubscribe();
    this.#planned = timer(Math.ceil((next - this.#work) / this.#rate), this.#scheduler).subscribe(() => {
      this.#advance();
      this.#plan();
    });
  }
}

/** One client with a token of its own, as in a process of its own. */
class Client {
  readonly states: StatesTrace;
  readonly pings: number[] = [];

  constructor(time: VirtualTime, server: BusyServer, number: number) {
    const { scheduler } = time;
    const reconnect = { random: seededRandom(number) };
    const user = new User({ name: 'app', password: 'pw', reconnect, scheduler });
    user.enter();
    const at = user.at('server', () => server.authenticate());
    const verified = defer(() => {
      if (server.takes(textOf(at.token))) return of(at.token);
      at.discard(at.token);
      return at.logIn().pipe(timeout({ first: T / 5, scheduler }));
    });
    const session: Session = fakeSession(`s${number}`, T);
    const link: Link = {
      session,
      ping: () => defer(() => of(this.pings.push(time.now))),
      end: () => EMPTY,
    };
    const open = (): Observable<Link> =>
      merge(server.link(), verified.pipe(switchMap(() => concat(of(link), NEVER)))).pipe(map(() => link));
    this.states = new StatesTrace(
      connect(open, { name: 'model', sessionTimeoutMs: T, reconnect, scheduler }).states,
      scheduler,
    );
  }
}

function textOf(token: Token | undefined): string | undefined {
  let text: string | undefined;
  token?.addTo({ set: (_, value) => (text = value) });
  return text;
}

/** Three hundred clients are many steps of virtual time. */
const PATIENCE_MS = 120_000;

describe.each(['one after another', 'all at once'] as const)(
  `${CLIENTS} clients of a server that hashes passwords %s and restarts`,
  { timeout: PATIENCE_MS },
  (order) => {
    function connected(): { time: VirtualTime; server: BusyServer; clients: Client[] } {
      const time = new VirtualTime();
      const server = new BusyServer(time.scheduler, order);
      const clients = Array.from({ length: CLIENTS }, (_, number) => new Client(time, server, number));
      time.pass(BOUND_MS);
      expect(clients.every(({ states }) => states.status === 'connected')).toBe(true);
      return { time, server, clients };
    }

    it('bounded herd, convergence: log in once each, and are all back within 1.5 times what that takes, and 5 s', () => {
      const { time, server, clients } = connected();
      expect(server.logins).toBe(CLIENTS);
      server.restart({ forgets: true });
      time.pass(BOUND_MS);
      expect(clients.filter(({ states }) => states.status !== 'connected')).toEqual([]);
      expect(server.logins).toBe(2 * CLIENTS);
      expect(clients.flatMap(({ states }) => states.flaws)).toEqual([]);
    });

    it('liveness: are lost on time while they wait for their login', () => {
      const { time, server, clients } = connected();
      const restartedAt = time.now;
      server.restart({ forgets: true });
      time.pass(BOUND_MS);
      const lost = clients.filter(({ states }) => (states.at('lost') ?? 0) > restartedAt);
      expect(lost.length).toBeGreaterThan(CLIENTS / 2);
      for (const { states, pings } of lost) {
        expect(states.at('lost')).toBe(pings.findLast((at) => at <= restartedAt)! + T);
      }
    });

    it('are back without a login, as those without a password are, where their tokens are still valid', () => {
      const { time, server, clients } = connected();
      server.restart({ forgets: false });
      // The first wait is drawn from 0 to 100 ms.
      time.pass(100);
      expect(clients.filter(({ states }) => states.status !== 'connected')).toEqual([]);
      expect(server.logins).toBe(CLIENTS);
    });
  },
);
