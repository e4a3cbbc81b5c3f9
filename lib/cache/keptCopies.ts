import {
  audit,
  BehaviorSubject,
  catchError,
  concatMap,
  connect,
  defaultIfEmpty,
  defer,
  EMPTY,
  endWith,
  filter,
  finalize,
  from,
  ignoreElements,
  interval,
  map,
  merge,
  type Observable,
  of,
  type SchedulerLike,
  Subject,
  take,
  takeUntil,
  tap,
  timer,
} from 'rxjs';
import { inTurns } from '../internal/inTurns.js';
import { copyText, readCopy } from './copyText.js';
import { cacheOptions, type RegistryCache } from './registryCache.js';

/** What {@link KeptCopies} needs to know of the registry. */
export interface KeptCopiesOptions {
  /** Which registry it is: a copy of another one is never told. */
  readonly registry: string;
  readonly scheduler: SchedulerLike;
  /** Whether the registry would tell if what is known were different by now. */
  readonly isConnected: () => boolean;
  /** Whether this is the last chance to keep something. */
  readonly isClosing: () => boolean;
  readonly warn: (code: 'UNUSABLE_CACHE' | 'UNWRITABLE_CACHE', message: string, cause: unknown) => void;
}

/** What was kept, and how old it is. */
export interface KeptCopy<T> {
  readonly items: readonly T[];
  readonly ageMs: number;
}

/** What there is to keep. */
interface Save {
  readonly keptAt: number;
  readonly text: () => Generator<void, string>;
}

/** A first answer is kept soon, changes after it seldom. */
const FIRST_MS = 1_000;
const CHANGES_MS = 10_000;
/** What does not change is kept anew that often, so that its age says when it was right for the last time. */
const REFRESH_MS = 600_000;

/** The copies that a registry keeps of what it is told: written seldom, one at a time, and read where it does not answer. */
export class KeptCopies {
  readonly #cache: RegistryCache;
  readonly #options: KeptCopiesOptions;
  readonly #afterMs: number;
  readonly #maxAgeMs: number;
  /** What is to be written yet: the newest by name. */
  readonly #waiting = new Map<string, Save>();
  readonly #writes = new Subject<string>();
  readonly #unwritten = new BehaviorSubject(0);
  /** When something was kept last, by name. */
  readonly #keptAt = new Map<string, number>();
  /** What is in the way of writing, by name: it is told once. */
  readonly #failing = new Map<string, string>();

  constructor(cache: RegistryCache, options: KeptCopiesOptions) {
    const { afterMs, maxAgeMs } = cacheOptions(cache);
    this.#cache = cache;
    this.#options = options;
    this.#afterMs = afterMs;
    this.#maxAgeMs = maxAgeMs;
    this.#writes.pipe(concatMap((name) => this.#write(name))).subscribe();
  }

  /**
   * What was kept under a name, once the registry has had its time to answer; nothing if it has, or if what was kept is not good.
   *
   * @param isKnown - Whether the registry has answered.
   */
  read<T>(name: string, parse: (text: string) => T, isKnown: () => boolean): Observable<KeptCopy<T>> {
    const { registry, scheduler } = this.#options;
    const read = defer(() => from(this.#cache.read(keyOf(registry, name)))).pipe(
      take(1),
      // Other stores say so in other ways.
      filter((text): text is string => text !== undefined && text !== null),
      concatMap((text) => inTurns(() => readCopy(text, { registry, name }, parse), scheduler)),
      map(({ items, keptAt }) => ({ items, ageMs: Math.max(0, scheduler.now() - keptAt) })),
      tap(({ ageMs }) => {
        if (ageMs > this.#maxAgeMs) throw new Error(`it is ${ageMs} ms old, and maxAgeMs is ${this.#maxAgeMs}`);
      }),
      catchError((cause: unknown) => {
        this.#options.warn('UNUSABLE_CACHE', `What was kept cannot be used: ${messageOf(cause)}.`, cause);
        return EMPTY;
      }),
    );
    return timer(this.#afterMs, scheduler).pipe(
      filter(() => !isKnown()),
      concatMap(() => read),
    );
  }

  /**
   * Keeps what the registry tells: the first soon, what follows seldom, and the last when nobody follows it any more.
   *
   * @param answers - What the registry tells; what it is made of is asked for when it is written.
   */
  keep<T>(name: string, answers: Observable<() => readonly T[]>, textOf: (item: T) => string): Observable<never> {
    const { registry, scheduler, isConnected, isClosing } = this.#options;
    return defer(() => {
      let latest: (() => readonly T[]) | undefined;
      let keptAt = 0;
      let isNew = false;
      let waitMs = FIRST_MS;
      const save = (): void => {
        if (!latest) return;
        const items = latest();
        // Who is connected would have heard of a change.
        if (isConnected()) keptAt = scheduler.now();
        const header = { registry, name, keptAt };
        isNew = false;
        this.#save(name, { keptAt, text: () => copyText(header, items, textOf) });
      };
      const changes = answers.pipe(
        tap((answer) => {
          latest = answer;
          keptAt = scheduler.now();
          isNew = true;
        }),
        connect((told) =>
          merge(
            told.pipe(
              audit(() => timer(waitMs, scheduler)),
              tap(() => (waitMs = CHANGES_MS)),
            ),
            interval(Math.min(REFRESH_MS, Math.max(CHANGES_MS, this.#maxAgeMs / 4)), scheduler).pipe(
              filter(isConnected),
              takeUntil(told.pipe(ignoreElements(), endWith(undefined))),
            ),
          ),
        ),
      );
      return changes.pipe(
        tap(save),
        ignoreElements(),
        finalize(() => {
          const wasKept = (this.#keptAt.get(name) ?? -Infinity) + CHANGES_MS > scheduler.now();
          if (isClosing() ? isNew || isConnected() : isNew && !wasKept) save();
        }),
      );
    });
  }

  /** Completes when everything is written. */
  settled(): Observable<never> {
    return this.#unwritten.pipe(
      filter((unwritten) => unwritten === 0),
      take(1),
      ignoreElements(),
    );
  }

  #save(name: string, save: Save): void {
    const isWaiting = this.#waiting.has(name);
    this.#waiting.set(name, save);
    this.#forgetOld();
    this.#keptAt.set(name, this.#options.scheduler.now());
    if (isWaiting) return;
    this.#unwritten.next(this.#unwritten.value + 1);
    this.#writes.next(name);
  }

  #write(name: string): Observable<never> {
    const { registry, scheduler } = this.#options;
    return defer(() => {
      const save = this.#waiting.get(name)!;
      this.#waiting.delete(name);
      return inTurns(save.text, scheduler);
    }).pipe(
      concatMap((text) => from(this.#cache.write(keyOf(registry, name), text))),
      defaultIfEmpty(undefined),
      tap({ complete: () => this.#failing.delete(name) }),
      catchError((cause: unknown) => {
        const message = messageOf(cause);
        if (this.#failing.get(name) !== message) {
          this.#options.warn('UNWRITABLE_CACHE', `What the registry tells cannot be kept: ${message}.`, cause);
        }
        this.#failing.set(name, message);
        return of(undefined);
      }),
      ignoreElements(),
      finalize(() => this.#unwritten.next(this.#unwritten.value - 1)),
    );
  }

  /** Who asks for ten thousand things in turn leaves no trace of each. */
  #forgetOld(): void {
    for (const [name, at] of this.#keptAt) {
      if (at + CHANGES_MS > this.#options.scheduler.now()) return;
      this.#keptAt.delete(name);
    }
  }
}

function keyOf(registry: string, name: string): string {
  return JSON.stringify([registry, name]);
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}
