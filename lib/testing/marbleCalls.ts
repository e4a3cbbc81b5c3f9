import { concat, defer, EMPTY, NEVER, type Observable, of, Subject, switchMap, tap, throwError, timer } from 'rxjs';
import { instanceKey, ServiceUrl } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { checked } from '../internal/options.js';
import { ambientScheduler } from './ambientScheduler.js';
import { readMarbles } from './readMarbles.js';

/** What becomes of calls to an instance: a diagram for each of them in turn, of which the last one goes for all that follow. */
export type CallDiagrams = readonly [instance: ServiceUrl, diagrams: string | readonly string[]];

/** A call as it was made. */
export interface MadeCall {
  /** The host that was called. */
  readonly host: string;
  /** When it began, in milliseconds. */
  readonly beganMs: number;
  /** When it ended; `undefined` while it is under way. */
  readonly endedMs: number | undefined;
  /** How it ended. */
  readonly end: 'answered' | 'failed' | 'cancelled' | undefined;
}

/** Instances that answer by diagrams. */
export interface MarbleCalls {
  /** Calls an instance: for `Picker.use`, `Picker.hedge` and their like. */
  readonly call: (target: ServiceUrl) => Observable<string>;
  /** The host of every call, as it begins. Hot, so expect it before what makes the calls; never completes. */
  readonly begun: Observable<string>;
  /** The host of every call that is cancelled, as it is. Hot; never completes. */
  readonly cancelled: Observable<string>;
  /** All calls so far, in the order in which they began. */
  readonly log: readonly MadeCall[];
}

/**
 * Makes instances that answer calls as marble diagrams say, to see what a pipeline makes of slow ones, failing ones and hung ones.
 *
 * ```text
 *  ---a|     answers after 3 ms, and is over a millisecond later
 *  -#        fails after a millisecond
 *  -         hangs
 * ```
 *
 * A diagram is read as RxJS reads one inside `TestScheduler.run`, in whose virtual time calls take place; elsewhere they take
 * real time. A letter is a value, `#` an error, `|` the end; a call without either never ends.
 *
 * @param script - What becomes of the calls to each instance.
 * @throws InvalidOptionError naming the position of what cannot be read. A call to an instance without diagram errors so.
 *
 * @example
 * ```ts
 * scheduler.run(({ cold, expectObservable }) => {
 *   const calls = marbleCalls([[a, '50ms x|'], [b, '5ms y|']]);
 *   const picker = cold('x', { x: setOf(a, b) }).pipe(balance(roundRobin()));
 *   const answers = picker.pipe(switchMap((now) => now.hedge(calls.call, { afterMs: 10 })));
 *   expectObservable(calls.begun).toBe('a 9ms b', { a: a.host, b: b.host });
 *   expectObservable(answers).toBe('    15ms y');
 * });
 * ```
 */
export function marbleCalls(script: readonly CallDiagrams[]): MarbleCalls {
  checked('script', script, 'a list of instances with diagrams', Array.isArray(script));
  const diagrams = new Map(
    script.map(([instance, lines]) => {
      if (!(instance instanceof ServiceUrl))
        throw new InvalidOptionError('script', 'instances with diagrams', instance);
      const all = [lines].flat();
      if (all.length === 0) throw new InvalidOptionError('script', 'one diagram at least for each instance', lines);
      return [instanceKey(instance), all.map((line) => playOf(instance.host, line))] as const;
    }),
  );
  const begun = new Subject<string>();
  const cancelled = new Subject<string>();
  const log: { -readonly [Field in keyof MadeCall]: MadeCall[Field] }[] = [];
  const made = new Map<string, number>();
  const call = (target: ServiceUrl): Observable<string> =>
    defer(() => {
      const key = instanceKey(target);
      const plays = diagrams.get(key);
      if (!plays) throw new InvalidOptionError('script', `a diagram for ${target.address}`, undefined);
      const count = made.get(key) ?? 0;
      made.set(key, count + 1);
      const { host } = target;
      const entry: (typeof log)[number] = { host, beganMs: ambientScheduler.now(), endedMs: undefined, end: undefined };
      log.push(entry);
      begun.next(host);
      const over = (end: MadeCall['end']) => (): void => {
        entry.endedMs = ambientScheduler.now();
        entry.end = end;
        if (end === 'cancelled') cancelled.next(host);
      };
      return plays[Math.min(count, plays.length - 1)]!.pipe(
        tap({ complete: over('answered'), error: over('failed'), unsubscribe: over('cancelled') }),
      );
    });
  return { call, begun: begun.asObservable(), cancelled: cancelled.asObservable(), log };
}

/** What one call does. */
function playOf(host: string, diagram: string): Observable<string> {
  const marbles = readMarbles('script', diagram, '|');
  const steps = marbles.map(({ letter, atMs }, index) => {
    const wait = timer(atMs - (marbles[index - 1]?.atMs ?? 0), ambientScheduler);
    return wait.pipe(
      switchMap(() => {
        if (letter === '#') return throwError(() => new Error(`The call to ${host} failed.`));
        return letter === '|' ? EMPTY : of(letter);
      }),
    );
  });
  return concat(...steps, marbles.at(-1)?.letter === '|' ? EMPTY : NEVER);
}
