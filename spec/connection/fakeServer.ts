import { EMPTY, map, NEVER, Observable, type SchedulerLike, Subject, type Subscriber, timer } from 'rxjs';
import type { Link, OpenLink } from '../../lib/connection/index.js';
import { RegistryError } from '../../lib/errors.js';
import type { Session } from '../../lib/port/index.js';
import { fakeSession } from './fakeSession.js';

/** Everything that the links of a {@link FakeServer} were asked, with the time. */
export interface Asked {
  readonly at: number;
  readonly what: 'open' | 'ping' | 'end' | 'drop';
  readonly session?: string | undefined;
}

/** The other side of an {@link OpenLink}, with a switch for each way it can fail. */
export class FakeServer {
  readonly asked: Asked[] = [];
  /** What becomes of an attempt to open a link. */
  answer: 'accept' | 'refuse' | 'silent' | 'deny' | 'replace' = 'accept';
  /** Whether pings are answered. */
  alive = true;
  /** What pings are answered with; `undefined` for success. */
  pingError: Error | undefined;
  /** How long a ping takes. */
  pingMs = 10;
  /** How many bytes have gone over its links. */
  bytes = 0;
  /** Whether clients have a large request on its way. */
  sending = false;
  /** Whether the end of a session is acknowledged. */
  acknowledges = true;
  readonly #scheduler: SchedulerLike;
  readonly #timeoutMs: number;
  #created = 0;
  #links: { readonly subscriber: Subscriber<Link>; readonly session: Session }[] = [];
  #over = new Set<string>();
  readonly #held = new Subject<void>();

  constructor(scheduler: SchedulerLike, timeoutMs: number) {
    this.#scheduler = scheduler;
    this.#timeoutMs = timeoutMs;
  }

  readonly open: OpenLink = (previous) =>
    new Observable<Link>((subscriber) => {
      this.#note('open', previous?.id);
      switch (this.answer) {
        case 'silent':
          return undefined;
        case 'refuse':
          return subscriber.error(new RegistryError('CONNECTION_LOST', 'Refused.'));
        case 'deny':
          return subscriber.error(new RegistryError('NOT_AUTHORIZED', 'Denied.'));
        case 'accept':
          if (previous && this.#over.has(previous.id)) {
            return subscriber.error(new RegistryError('SESSION_EXPIRED', `${previous.id} is over.`));
          }
          return this.#carry(previous ?? this.#begin(), subscriber);
        case 'replace':
          return this.#carry(this.#begin(), subscriber);
      }
    });

  /** Breaks every link. */
  breakLinks(): void {
    const links = this.#links;
    this.#links = [];
    for (const { subscriber } of links) subscriber.error(new RegistryError('CONNECTION_LOST', 'Reset.'));
  }

  /** Answers the pings that were not answered so far. */
  answerHeld(): void {
    this.#held.next();
  }

  /** Declares every session over. */
  expireAll(): void {
    for (let i = 1; i <= this.#created; i += 1) this.#over.add(`s${i}`);
    this.breakLinks();
  }

  /** When something was asked. */
  times(what: Asked['what']): number[] {
    return this.asked.filter((entry) => entry.what === what).map(({ at }) => at);
  }

  get links(): number {
    return this.#links.length;
  }

  #begin(): Session {
    return fakeSession(`s${(this.#created += 1)}`, this.#timeoutMs);
  }

  #carry(session: Session, subscriber: Subscriber<Link>): () => void {
    const link = { subscriber, session };
    this.#links.push(link);
    let ending = false;
    const drop = (): void => {
      this.#links = this.#links.filter((each) => each !== link);
      this.#note('drop', session.id);
    };
    subscriber.next({
      session,
      bytes: () => this.bytes,
      isSending: () => this.sending,
      ping: () => {
        this.#note('ping', session.id);
        return this.alive ? timer(this.pingMs, this.#scheduler).pipe(map(() => this.#pong())) : this.#held;
      },
      end: () =>
        new Observable((done) => {
          ending = true;
          this.#note('end', session.id);
          const acknowledged = (this.acknowledges ? EMPTY : NEVER).subscribe(done);
          return () => {
            acknowledged.unsubscribe();
            drop();
          };
        }),
    });
    return () => {
      if (!ending) drop();
    };
  }

  #pong(): void {
    if (this.pingError) throw this.pingError;
  }

  #note(what: Asked['what'], session: string | undefined): void {
    this.asked.push({ at: this.#scheduler.now(), what, session });
  }
}
