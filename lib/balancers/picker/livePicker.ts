import {
  defer,
  from,
  lastValueFrom,
  type Observable,
  of,
  type SchedulerLike,
  Subject,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
  timeout,
} from 'rxjs';
import type { ServiceUrl } from '../../dubbo/index.js';
import { NoInstanceError } from '../../errors.js';
import type { InstanceSet } from '../../instances/index.js';
import { whenAborted } from '../../internal/abort.js';
import { clockOf } from '../../internal/clock.js';
import { Attempts } from './attempts.js';
import { type Avoids, readAvoid } from './avoid.js';
import type { AvoidCandidate, BalancerFactory, Candidate } from '../balancer.js';
import type { CallMeter, CallOutcome } from '../callMeter.js';
import { checked } from '../shared/options.js';
import type { Call, CallContext, CallOnce, Picker, PickOptions, UseOptions } from './picker.js';
import { type Member, Roster } from './roster.js';

/** What a {@link LivePicker} goes by, all of it checked. */
export interface PickerSettings {
  readonly meter: CallMeter;
  readonly startMs: number;
  readonly waitMs: number;
  readonly isFailure: (error: unknown) => boolean;
  readonly scheduler: SchedulerLike;
}

/** Where the sets that a picker goes by stand: none yet, some and perhaps more, no more, or given up. */
type Phase = 'starting' | 'live' | 'resting' | 'over';

/** A picker that is told the sets. */
export class LivePicker implements Picker {
  readonly outcomes: Observable<CallOutcome>;

  readonly #settings: PickerSettings;
  readonly #roster: Roster;
  readonly #updates = new Subject<void>();
  #phase: Phase = 'starting';
  #failure: { readonly error: unknown } | undefined;

  constructor(balancer: BalancerFactory, settings: PickerSettings) {
    this.#settings = settings;
    this.#roster = new Roster(balancer, settings.meter, clockOf(settings.scheduler));
    this.outcomes = settings.meter.outcomes;
  }

  get size(): number {
    return this.#roster.size;
  }

  pick(key?: string, options?: PickOptions): ServiceUrl | undefined {
    return this.#pick({ key, avoids: readAvoid(options?.avoid), attempts: new Attempts() })?.instance;
  }

  use<T>(key: string | undefined, call: Call<T>, options?: UseOptions): Observable<T>;
  use<T>(call: Call<T>, options?: UseOptions): Observable<T>;
  use<T>(...args: UseArguments<Call<T>>): Observable<T> {
    const { key, call, signal, avoid } = readArguments(args);
    const choice: Choice = { key, avoids: readAvoid(avoid), attempts: new Attempts() };
    const result = defer(() => this.#choose(choice)).pipe(
      switchMap((member) => this.#call(member, call, choice.attempts)),
    );
    return signal ? result.pipe(takeUntil(whenAborted(signal))) : result;
  }

  run<T>(key: string | undefined, call: CallOnce<T>, options?: UseOptions): Promise<T>;
  run<T>(call: CallOnce<T>, options?: UseOptions): Promise<T>;
  run<T>(...args: UseArguments<CallOnce<T>>): Promise<T> {
    const { key, call, ...options } = readArguments(args);
    return lastValueFrom(this.use(key, (target, context) => Promise.resolve(call(target, context)), options));
  }

  /** A newer set is there. */
  update(set: InstanceSet): void {
    this.#roster.update(set);
    this.#phase = 'live';
    this.#updates.next();
  }

  /** There will be no newer set. */
  rest(): void {
    this.#phase = 'resting';
    this.#roster.rest();
    this.#updates.error(new NoInstanceError('there is none in the last set of instances'));
  }

  /** The sets have failed. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.#end(error);
  }

  /** Nobody follows the sets any more; if they have ended by themselves that changes nothing. */
  close(): void {
    if (this.#phase === 'starting' || this.#phase === 'live') this.#end(noLongerFollowed());
  }

  #end(error: unknown): void {
    this.#phase = 'over';
    this.#roster.clear();
    this.#updates.error(error);
  }

  /** Picks one, and becomes less particular as long as there is nobody. */
  #pick({ key, avoids, attempts }: Choice): Member | undefined {
    const hasFailed: AvoidCandidate = (candidate) => attempts.failed.has(candidate.key);
    const unwanted = avoids && new Guarded(avoids);
    const isEither: AvoidCandidate = unwanted
      ? (candidate) => hasFailed(candidate) || unwanted.test(candidate)
      : hasFailed;
    let picked: Member | undefined;
    if (attempts.failed.size > 0) {
      picked = this.#roster.pick(key, isEither);
      if (!picked && attempts.failed.size > 1) {
        attempts.startOver();
        picked = this.#roster.pick(key, isEither);
      }
    }
    if (unwanted) picked ??= this.#roster.pick(key, unwanted.test);
    if (attempts.failed.size > 0) picked ??= this.#roster.pick(key, hasFailed);
    unwanted?.rethrow();
    return picked ?? this.#roster.pick(key);
  }

  #choose(choice: Choice): Observable<Member> {
    const member = this.#pick(choice);
    if (member) return of(member);
    const { startMs, waitMs } = this.#settings;
    switch (this.#phase) {
      case 'starting':
        return this.#updates.pipe(
          take(1),
          this.#within(Math.max(startMs, waitMs), 'no set of instances has come'),
          switchMap(() => this.#choose(choice)),
        );
      case 'live':
        return this.#updates.pipe(
          switchMap(() => {
            const now = this.#pick(choice);
            return now ? of(now) : [];
          }),
          take(1),
          this.#within(waitMs, 'the set of instances is empty'),
        );
      case 'resting':
        return throwError(() => new NoInstanceError('the last set of instances is empty'));
      case 'over':
        return throwError(() => (this.#failure ? this.#failure.error : noLongerFollowed()));
    }
  }

  #within<T>(ms: number, reason: string): (source: Observable<T>) => Observable<T> {
    const fail = (): Observable<never> => {
      const waited = ms > 0 ? `, and that for ${ms} ms` : '';
      return throwError(() => new NoInstanceError(`${reason}${waited}`));
    };
    return (source) =>
      ms > 0 ? source.pipe(timeout({ first: ms, with: fail, scheduler: this.#settings.scheduler })) : fail();
  }

  #call<T>(member: Member, call: Call<T>, attempts: Attempts): Observable<T> {
    const { isFailure } = this.#settings;
    const metered = this.#roster.begin(member);
    const context = new Context();
    let isPromise = false;
    let hasAnswered = false;
    let result: Observable<T>;
    try {
      const input = call(member.instance, context);
      result = from(input);
      isPromise = typeof (input as Partial<PromiseLike<T>>).then === 'function';
    } catch (error) {
      result = throwError(() => error);
    }
    return result.pipe(
      tap({
        next: () => {
          hasAnswered = true;
          // A promise is over with its value: who takes that and leaves must not abort what it may still be read from.
          if (isPromise) metered.end(true);
        },
        complete: () => {
          attempts.succeeded();
          metered.end(true);
        },
        error: (error: unknown) => {
          attempts.failedOn(member.key);
          let isOk = false;
          try {
            isOk = !isFailure(error);
          } finally {
            metered.end(isOk);
          }
        },
        unsubscribe: () => {
          if (hasAnswered) attempts.succeeded();
          else attempts.failedOn(member.key);
          if (isPromise && hasAnswered) return;
          if (hasAnswered) metered.end(true);
          else metered.cancel();
          context.abort();
        },
      }),
    );
  }
}

/** What one use of a picker goes by. */
interface Choice {
  readonly key: string | undefined;
  readonly avoids: Avoids | undefined;
  readonly attempts: Attempts;
}

/** Asks a function of the user's, and keeps what it throws until a balancer is done. */
class Guarded {
  readonly #avoids: Avoids;
  #thrown: { readonly error: unknown } | undefined;

  constructor(avoids: Avoids) {
    this.#avoids = avoids;
  }

  readonly test = ({ instance, key }: Candidate): boolean => {
    try {
      return this.#thrown === undefined && this.#avoids(instance, key);
    } catch (error) {
      this.#thrown = { error };
      return false;
    }
  };

  rethrow(): void {
    if (this.#thrown) throw this.#thrown.error;
  }
}

/** Makes an `AbortSignal` only for calls that look at it. */
class Context implements CallContext {
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(): void {
    this.#controller?.abort();
  }
}

function noLongerFollowed(): NoInstanceError {
  return new NoInstanceError('the picker is not subscribed to any more');
}

/** What `use` and `run` may be called with, the key left out or not. */
type UseArguments<C> = [key: string | undefined | C, call?: C | UseOptions, options?: UseOptions];

interface Use<C> extends UseOptions {
  readonly key: string | undefined;
  readonly call: C;
}

function readArguments<C>(args: UseArguments<C>): Use<C> {
  const [key, call, options] = (typeof args[0] === 'function' ? [undefined, ...args] : args) as [
    key: string | undefined,
    call: C,
    options?: UseOptions,
  ];
  checked('call', call, 'a function', typeof call === 'function');
  return { key, call, signal: options?.signal, avoid: options?.avoid };
}
