import { VirtualTimeScheduler } from 'rxjs';
import { MemoryServer } from '../backends/memory/index.js';
import { InvalidOptionError } from '../errors.js';
import { optionsObject, positiveMs } from '../internal/options.js';
import { type Duration, toMs } from './duration.js';
import { ScenarioClient, type ScenarioClientOptions } from './scenarioClient.js';
import { seededRandom } from './seededRandom.js';

/** How a {@link scenario} is. */
export interface ScenarioOptions {
  /** The clock, such as a `TestScheduler`. @defaultValue one of its own */
  readonly scheduler?: VirtualTimeScheduler | undefined;
  /** How long a message is on its way, in milliseconds. @defaultValue 0 */
  readonly latencyMs?: number | undefined;
  /** How long the server keeps a session without a word, in milliseconds. @defaultValue 30000 */
  readonly sessionTimeoutMs?: number | undefined;
}

/** A server, its clients and their clock: what {@link scenario} makes. */
export class Scenario {
  /** The server, with everything that operators, third parties and networks do to it. */
  readonly server: MemoryServer;
  /** Measures all time in the scenario. */
  readonly scheduler: VirtualTimeScheduler;
  readonly #sessionTimeoutMs: number;
  readonly #startedAt: number;
  readonly #clients: ScenarioClient[] = [];

  /** @internal */
  constructor(options: ScenarioOptions) {
    const { scheduler = new VirtualTimeScheduler(), latencyMs = 0, sessionTimeoutMs = 30_000 } = optionsObject(options);
    if (!(scheduler instanceof VirtualTimeScheduler)) {
      throw new InvalidOptionError('scheduler', 'a VirtualTimeScheduler', scheduler);
    }
    positiveMs('sessionTimeoutMs', sessionTimeoutMs);
    this.scheduler = scheduler;
    this.server = new MemoryServer({ scheduler, latencyMs });
    this.#sessionTimeoutMs = sessionTimeoutMs;
    this.#startedAt = scheduler.now();
  }

  /** How much time has passed, in milliseconds. */
  get nowMs(): number {
    return this.scheduler.now() - this.#startedAt;
  }

  /**
   * Adds a client program with a connection of its own.
   *
   * @param options - How it is made.
   * @throws InvalidOptionError as `createRegistry` and `memory` do.
   */
  client(options: ScenarioClientOptions = {}): ScenarioClient {
    // Each draws waits of its own, so that no two go in step, and the same ones in every run.
    const random = seededRandom(this.#clients.length + 1);
    const client = new ScenarioClient(this.server, this.#sessionTimeoutMs, random, options);
    this.#clients.push(client);
    return client;
  }

  /**
   * Lets something happen at a time after the beginning of the scenario.
   *
   * @param time - When: milliseconds, or a text such as `5s`.
   * @param act - What happens; an error that it throws is thrown by {@link pass}.
   * @returns The scenario, for the next.
   * @throws InvalidOptionError if the time has passed, or is none.
   */
  at(time: Duration, act: () => void): this {
    const inMs = toMs('time', time) - this.nowMs;
    if (inMs < 0) throw new InvalidOptionError('time', `a time from ${this.nowMs} ms on, which is now`, time);
    if (typeof act !== 'function') throw new InvalidOptionError('act', 'a function', act);
    this.scheduler.schedule(() => act(), inMs);
    return this;
  }

  /**
   * Lets time pass: everything that is due by then happens, in order.
   *
   * @param time - How long: milliseconds, or a text such as `5s`.
   * @returns The scenario, for the next.
   * @throws InvalidOptionError if it is no length of time.
   */
  pass(time: Duration): this {
    this.#flush(this.scheduler.frame + toMs('time', time));
    return this;
  }

  /**
   * Lets time pass as {@link pass} does, and promises have their turn after each moment at which anything happened.
   *
   * @param time - How long: milliseconds, or a text such as `5s`.
   * @throws InvalidOptionError if it is no length of time.
   */
  async passAsync(time: Duration): Promise<void> {
    const end = this.scheduler.frame + toMs('time', time);
    await promisesHadTheirTurn();
    for (let next = this.#nextFrame; next <= end; next = this.#nextFrame) {
      this.#flush(next);
      await promisesHadTheirTurn();
    }
    this.#flush(end);
  }

  /**
   * Lets time pass until a promise is settled, and returns what came of it.
   *
   * @param promise - What to wait for.
   * @param within - How long at most, in virtual time.
   * @throws InvalidOptionError if `within` is no length of time; an `Error` if the promise takes longer.
   *
   * @example
   * ```ts
   * const users = await story.settle(client.registry.lookup(query));
   * ```
   */
  async settle<T>(promise: PromiseLike<T>, within: Duration = '10m'): Promise<T> {
    const end = this.scheduler.frame + toMs('within', within);
    let settled = false;
    const mark = (): void => void (settled = true);
    promise.then(mark, mark);
    await promisesHadTheirTurn();
    for (let next = this.#nextFrame; !settled; next = this.#nextFrame) {
      if (next > end) throw new Error(`The promise is not settled after ${toMs('within', within)} ms of virtual time.`);
      this.#flush(next);
      await promisesHadTheirTurn();
    }
    return promise;
  }

  /** Ends every client at once, so that no timer is left. Their streams complete. */
  close(): void {
    for (const { registry, backend } of this.#clients) {
      void registry.close({ deadlineMs: 0 });
      void backend.close(0);
    }
  }

  get #nextFrame(): number {
    return this.scheduler.actions[0]?.delay ?? Infinity;
  }

  #flush(until: number): void {
    const { maxFrames } = this.scheduler;
    this.scheduler.maxFrames = until;
    try {
      this.scheduler.flush();
    } finally {
      this.scheduler.maxFrames = maxFrames;
    }
    this.scheduler.frame = until;
  }
}

/**
 * Begins a scenario: a registry server in virtual time, any number of clients, and everything that can go wrong between them.
 *
 * ```text
 *  at          5s cut        50s heal
 *  pass(…)     ---|-----------|----------▶  sixty seconds take a millisecond
 * ```
 *
 * Nothing is scripted about the connection here: clients find out what befell them as they do in real life, with their own
 * clocks, pings, waits and sessions. The waits are drawn from a fixed seed, so a scenario runs the same way every time.
 *
 * Time passes only in {@link Scenario.pass} and its kin. Inside `TestScheduler.run`, which goes on until nothing is left to
 * happen, give it that scheduler and an end (`story.at('1m', () => story.close())`): connected clients ping for ever.
 *
 * @param options - How it is.
 * @throws InvalidOptionError for an option out of range.
 *
 * @example
 * ```ts
 * const story = scenario({ sessionTimeoutMs: 10_000 });
 * const [provider, consumer] = [story.client(), story.client()];
 * provider.registry.register(fakeInstance(1)).subscribe();
 * const seen = recordOf(consumer.registry.subscribe({ interface: FAKE_INTERFACE }), { scheduler: story.scheduler });
 * story.at('5s', () => provider.cut()).at('30s', () => provider.heal()).pass('1m');
 * expect(foldEvents(seen.values).size).toBe(1);
 * ```
 */
export function scenario(options: ScenarioOptions = {}): Scenario {
  if (typeof options !== 'object' || options === null) throw new InvalidOptionError('options', 'an object', options);
  return new Scenario(options);
}

function promisesHadTheirTurn(): Promise<void> {
  // A browser has the other one only.
  return new Promise((resolve) => (typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve)));
}
