import type { ConsumerEvent, FaultEvent, HistoryEvent, Instance, NodeEvent, ToldEvent } from './history.js';
import { type Interval, longest, without } from './intervals.js';

/** What happens within one millisecond has an order too. */
const A_MOMENT_MS = 1e-6;

type Kind = HistoryEvent['kind'];
type EventOf<K extends Kind> = Extract<HistoryEvent, { kind: K }>;

/** A path that a registration wants, from when to when, and what made it stop. */
export interface Want extends Interval {
  readonly client: string;
  readonly registration: string;
  readonly path: string;
  readonly key: string | undefined;
  readonly persistent: boolean;
  readonly end: 'moved' | 'released' | 'closed' | 'never';
  /** When it may be let go: one that moves keeps what it has until the next stands. */
  readonly heldUntilMs: number;
  /** Whether its node may stay when the registration is over: a persistent one, whose registry is closed. */
  readonly outlives: boolean;
}

/** A node that was there, from when to when; a write by which it got another owner makes two of it. */
export interface Stay extends Interval {
  readonly path: string;
  readonly owner: string | undefined;
  readonly instance: Instance | undefined;
  readonly by: string;
  /** Who ended it, if it ended. */
  readonly endedBy: string | undefined;
  /** Whether another one followed in the same step. */
  readonly replaced: boolean;
}

/** One consumer: what it asks for, and all it was told. */
export interface Consumer extends Interval {
  readonly name: string;
  readonly client: string;
  readonly sees: (path: string) => boolean;
  readonly told: readonly ToldEvent[];
}

/** What a view holds of one instance, from when to when. */
export interface Belief extends Interval {
  readonly key: string;
  readonly says: string;
}

/** A history, looked up by what one wants to know. No two of its moments are the same. */
export class Timeline {
  readonly history: readonly HistoryEvent[];
  readonly endMs: number;
  readonly wants: readonly Want[];
  readonly stays: readonly Stay[];
  readonly consumers: readonly Consumer[];
  readonly clientOfSession: ReadonlyMap<string, string>;
  readonly #byKind = new Map<Kind, HistoryEvent[]>();
  readonly #faults: readonly (Interval & Pick<FaultEvent, 'client' | 'stops'>)[];
  readonly #staysByPath = new Map<string, Stay[]>();

  constructor(recorded: readonly HistoryEvent[]) {
    const history = recorded.map((event, index) => ({ ...event, atMs: event.atMs + index * A_MOMENT_MS }));
    this.history = history;
    this.endMs = history.at(-1)?.atMs ?? 0;
    for (const event of history) {
      const same = this.#byKind.get(event.kind);
      if (same) same.push(event);
      else this.#byKind.set(event.kind, [event]);
    }
    this.clientOfSession = new Map(
      this.of('session')
        .filter(({ change }) => change === 'began')
        .map(({ session, client }) => [session, client]),
    );
    this.#faults = this.#readFaults();
    this.wants = this.#readWants();
    this.stays = this.#readStays();
    for (const stay of this.stays) {
      const same = this.#staysByPath.get(stay.path);
      if (same) same.push(stay);
      else this.#staysByPath.set(stay.path, [stay]);
    }
    this.consumers = this.#readConsumers();
  }

  /** All events of a kind, in order. */
  of<K extends Kind>(kind: K): readonly EventOf<K>[] {
    return (this.#byKind.get(kind) ?? []) as EventOf<K>[];
  }

  /** The names of all clients. */
  get clients(): readonly string[] {
    return [...new Set(this.of('state').map(({ client }) => client))];
  }

  /** Every time there was a node at a path. */
  staysAt(path: string): readonly Stay[] {
    return this.#staysByPath.get(path) ?? [];
  }

  /** The time within an interval in which there was no node at a path. */
  absences(path: string, within: Interval): Interval[] {
    return without(within, this.staysAt(path));
  }

  /** When each instance that somebody sees was there. */
  instances(sees: (path: string) => boolean): ReadonlyMap<string, readonly Stay[]> {
    const byKey = new Map<string, Stay[]>();
    for (const [path, stays] of this.#staysByPath) {
      const key = stays[0]?.instance?.key;
      if (key === undefined || !sees(path)) continue;
      byKey.set(key, [...(byKey.get(key) ?? []), ...stays]);
    }
    for (const stays of byKey.values()) stays.sort((a, b) => a.fromMs - b.fromMs);
    return byKey;
  }

  /** What a consumer believed, and when. */
  beliefs(consumer: Consumer): Belief[] {
    const beliefs: Belief[] = [];
    const open = new Map<string, ToldEvent>();
    const close = (key: string, toMs: number): void => {
      const from = open.get(key);
      if (from) beliefs.push({ key, says: from.says, fromMs: from.atMs, toMs });
      open.delete(key);
    };
    for (const event of consumer.told) {
      close(event.key, event.atMs);
      if (event.type !== 'delete') open.set(event.key, event);
    }
    for (const key of [...open.keys()]) close(key, consumer.toMs);
    return beliefs;
  }

  /** When a client's messages did not get through. */
  silences(client: string): readonly Interval[] {
    return this.#faults.filter(
      (fault) =>
        fault.fromMs < fault.toMs &&
        (fault.stops === 'server' ||
          ((fault.stops === 'messages' || fault.stops === 'answers') && hits(fault, client))),
    );
  }

  /** Whether a client was slowed down at a time, or within so long before it. */
  isSlow(client: string, atMs: number, withinMs: number): boolean {
    return this.#faults.some(
      (fault) =>
        fault.stops === undefined &&
        fault.fromMs < fault.toMs &&
        hits(fault, client) &&
        fault.fromMs <= atMs &&
        fault.toMs + withinMs > atMs,
    );
  }

  /** The longest stretch of an interval in which nothing was done to a client, nor to the server. */
  longestCalm(client: string, interval: Interval): number {
    return longest(
      without(
        this.#seen(interval),
        this.#faults.filter((fault) => fault.stops !== 'cleanup' && hits(fault, client)),
      ),
    );
  }

  /**
   * The longest stretch of an interval in which the server's clock went and nobody did anything new to the client: a lasting
   * silence of the client's counts as two moments, since the server cleans up after it by itself. One who is slow, or only does
   * not hear, it goes on hearing: each try to resume the session keeps it.
   */
  longestServerCalm(client: string, interval: Interval): number {
    return longest(
      without(
        this.#seen(interval),
        this.#faults
          .filter((fault) => hits(fault, client))
          .flatMap((fault) =>
            fault.stops === 'messages'
              ? [
                  { fromMs: fault.fromMs, toMs: fault.fromMs },
                  { fromMs: fault.toMs, toMs: fault.toMs },
                ]
              : [fault],
          ),
      ),
    );
  }

  /** When the last fault, of anybody, ended before a time. */
  lastFaultBefore(atMs: number): number {
    return this.#faults.reduce(
      (last, { fromMs, toMs }) => Math.max(last, toMs <= atMs ? toMs : fromMs <= atMs ? atMs : last),
      0,
    );
  }

  #seen({ fromMs, toMs }: Interval): Interval {
    return { fromMs, toMs: Math.min(toMs, this.endMs) };
  }

  #readFaults(): (Interval & Pick<FaultEvent, 'client' | 'stops'>)[] {
    const open = new Map<string, FaultEvent>();
    const faults: (Interval & Pick<FaultEvent, 'client' | 'stops'>)[] = [];
    const add = ({ atMs: fromMs, client, stops }: FaultEvent, toMs: number): void =>
      void faults.push({ fromMs, toMs, client, stops });
    for (const event of this.of('fault')) {
      const id = `${event.fault} ${event.client ?? ''}`;
      const begun = open.get(id);
      if (event.phase === 'moment') add(event, event.atMs);
      else if (event.phase === 'begin') open.set(id, begun ?? event);
      else if (begun) {
        open.delete(id);
        add(begun, event.atMs);
      }
    }
    for (const begun of open.values()) add(begun, Infinity);
    return faults;
  }

  #readWants(): Want[] {
    const wants: Want[] = [];
    const open = new Map<string, EventOf<'want'>>();
    const close = (registration: string, toMs: number, end: Want['end']): void => {
      const begun = open.get(registration);
      open.delete(registration);
      if (begun?.path === undefined) return;
      const { client, path, key, persistent = false, atMs: fromMs } = begun;
      wants.push({
        client,
        registration,
        path,
        key,
        persistent,
        fromMs,
        toMs,
        end,
        heldUntilMs: toMs,
        outlives: persistent && end === 'closed',
      });
    };
    for (const event of this.history) {
      if (event.kind === 'want') {
        close(event.registration, event.atMs, event.path === undefined ? 'released' : 'moved');
        if (event.path !== undefined) open.set(event.registration, event);
      } else if (event.kind === 'close' && event.change !== 'done') {
        for (const [registration, { client }] of [...open]) {
          if (client === event.client) close(registration, event.atMs, 'closed');
        }
      }
    }
    for (const registration of [...open.keys()]) close(registration, Infinity, 'never');
    return wants.map((want) => {
      if (want.end !== 'moved') return want;
      const last = wants.findLast(({ registration }) => registration === want.registration)!;
      const registered = this.of('registration').find(
        ({ registration, status, atMs }) =>
          registration === want.registration && status === 'registered' && atMs >= want.toMs,
      );
      const outlives = want.persistent && !registered && last.outlives;
      return { ...want, heldUntilMs: Math.min(registered?.atMs ?? Infinity, last.toMs), outlives };
    });
  }

  #readStays(): Stay[] {
    const stays: Stay[] = [];
    const open = new Map<string, NodeEvent>();
    const close = (path: string, toMs: number, endedBy: string | undefined, replaced: boolean): void => {
      const begun = open.get(path);
      open.delete(path);
      if (!begun) return;
      const { owner, instance, by, atMs: fromMs } = begun;
      stays.push({ path, owner, instance, by, fromMs, toMs, endedBy, replaced });
    };
    for (const event of this.of('node')) {
      close(event.path, event.atMs, event.by, event.present);
      if (event.present) open.set(event.path, event);
    }
    for (const path of [...open.keys()]) close(path, Infinity, undefined, false);
    return stays;
  }

  #readConsumers(): Consumer[] {
    const told = new Map<string, ToldEvent[]>();
    for (const event of this.of('told')) {
      const all = told.get(event.consumer);
      if (all) all.push(event);
      else told.set(event.consumer, [event]);
    }
    const begun = this.of('consumer').filter(({ change }) => change === 'subscribed');
    return begun.map((event): Consumer => {
      const { consumer: name, client, sees, atMs: fromMs } = event;
      return { name, client, sees, told: told.get(name) ?? [], fromMs, toMs: this.#endOf(event) };
    });
  }

  #endOf({ consumer, client }: ConsumerEvent): number {
    const left = this.of('consumer').find((event) => event.consumer === consumer && event.change === 'unsubscribed');
    const closed = this.of('close').find((event) => event.client === client && event.change !== 'done');
    return Math.min(left?.atMs ?? Infinity, closed?.atMs ?? Infinity);
  }
}

function hits(fault: Pick<FaultEvent, 'client'>, client: string): boolean {
  return fault.client === undefined || fault.client === client;
}
