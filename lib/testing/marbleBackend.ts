import { type SchedulerLike, Subject, Subscription } from 'rxjs';
import { MemoryServer } from '../backends/memory/index.js';
import { rootPath, type ServiceUrl } from '../dubbo/index.js';
import { InvalidOptionError } from '../errors.js';
import { positiveMs } from '../internal/options.js';
import type { Backend } from '../port/index.js';
import { ambientScheduler } from './ambientScheduler.js';
import { type ConnectionLetter, readConnectionScript } from './connectionScript.js';
import { type ContentsLine, readContentsScript, type ServiceListsByLetter } from './contentsScript.js';
import { RegistrationLog, type RegistrationRecord } from './registrationLog.js';
import { ScriptedContents } from './scriptedContents.js';
import { scriptedBackend } from './scriptedBackend.js';
import { nodesOf } from './serviceList.js';

/** What happens to a {@link marbleBackend} in the course of time. */
export interface MarbleScript {
  /**
   * The connection, as a marble diagram of `k` (connecting), `c` (connected), `s` (suspended), `l` (lost: the session is over,
   * and what was registered in it gone), `x` (closed) and `#` (refused for good, while connecting).
   *
   * It begins connecting. A `c` after `s` resumes the session, any other `c` begins a new one; after `l` it needs no `k`. An
   * `l` is `confirmed` if it follows `c`.
   *
   * @defaultValue `'c'`, connected from the beginning
   */
  readonly states?: string | undefined;
  /**
   * What the registry holds, as a marble diagram of letters, each a complete set, or as a stream of such sets. Several lines
   * stand beside each other, such as one for each service: all of them together are there.
   *
   * @defaultValue nothing
   */
  readonly contents?: ContentsLine | readonly ContentsLine[] | undefined;
  /** The sets that the letters in `contents` stand for. Each URL's interface and category say where it is to be found. */
  readonly values?: ServiceListsByLetter | undefined;
  /** The directory of the registry: must be the `group` of the registry that is made on it. @defaultValue `dubbo` */
  readonly group?: string | undefined;
  /** What sessions say of their timeout, in milliseconds; the script alone decides when they end. @defaultValue 30000 */
  readonly sessionTimeoutMs?: number | undefined;
  /** Measures the time. @defaultValue virtual time inside `TestScheduler.run`, real time elsewhere */
  readonly scheduler?: SchedulerLike | undefined;
}

/** A backend that does what a script says, and remembers what was registered through it. */
export interface MarbleBackend extends Backend {
  /** What is registered through it now, in the order in which it came. */
  readonly registered: readonly ServiceUrl[];
  /** What was registered, released and lost with a session so far, with the times. */
  readonly history: readonly RegistrationRecord[];
  /** How many directories and nodes are being watched: 0 when everybody has unsubscribed. */
  readonly watches: number;
}

/**
 * Makes a backend of marble diagrams, to test in virtual time what is built on a registry.
 *
 * ```text
 *  states      c----s---------c----    c: connected, s: suspended
 *  contents    a--b----c--d----a---    each letter a complete set
 *  instances   a--b-----------da---    an outage holds what happens meanwhile; only the difference is told after it
 * ```
 *
 * Its time begins when it is made. Each character takes a millisecond, a duration between spaces (`30s`) what it says, and
 * letters in parentheses happen together; all as RxJS has it inside `run`. What is asked of it is answered in the same
 * millisecond. In the same one, the contents change before the connection does, and answers come after whatever was
 * scheduled before: let what depends on them happen a millisecond later.
 *
 * Everything that `createRegistry` makes of it is real, registrations included; they stand beside the contents, and what is in
 * both is its registrar's. The first subscriber to `states` connects, the last one's leaving ends the session; who comes in the
 * middle is connecting until the next `c`, unless it is connected at present. `close()` resolves at once; a session that is
 * closed while suspended ends after `sessionTimeoutMs`. After a test in virtual time nothing needs to be closed.
 *
 * An error of a stream of contents, or a list in it that cannot be read, is an error of `states`.
 *
 * @param script - What happens, and when.
 * @throws InvalidOptionError for a diagram that cannot be read, an illegal trace of states, with the position, a letter
 * that `values` does not have, a URL that cannot be registered, or an option out of range.
 *
 * @example
 * ```ts
 * const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
 * scheduler.run(({ expectObservable }) => {
 *   const [a, b] = fakeInstances(2);
 *   const backend = marbleBackend({
 *     states: '  c 9s s 29s c',
 *     contents: 'x 19s y',
 *     values: { x: [a, b], y: [b] },
 *   });
 *   const sizes = createRegistry(backend).instances({ interface: FAKE_INTERFACE }).pipe(map(({ size }) => size));
 *   expectObservable(sizes).toBe('m 38001ms n', { m: 2, n: 1 });
 * });
 * ```
 */
export function marbleBackend(script: MarbleScript = {}): MarbleBackend {
  if (typeof script !== 'object' || script === null) throw new InvalidOptionError('script', 'an object', script);
  const { states = 'c', contents = [], values = {}, sessionTimeoutMs = 30_000, scheduler = ambientScheduler } = script;
  positiveMs('sessionTimeoutMs', sessionTimeoutMs);
  if (typeof scheduler?.schedule !== 'function') throw new InvalidOptionError('scheduler', 'a scheduler', scheduler);
  const root = rootPath(script.group);
  const steps = readConnectionScript('states', states);
  const { diagrams, streams } = readContentsScript(contents, values, root);

  const server = new MemoryServer({ scheduler, expires: false });
  const kept = new ScriptedContents(server);
  const log = new RegistrationLog(server, root, scheduler, (path) => kept.has(path));
  const timeline = new Subscription();
  const upcoming = new Subject<ConnectionLetter>();
  let present: ConnectionLetter | undefined;

  for (const [line, diagram] of diagrams.entries()) {
    for (const { atMs, paths } of diagram) timeline.add(scheduler.schedule(() => kept.set(line, paths), atMs));
  }
  for (const [index, stream] of streams.entries()) {
    timeline.add(
      stream.subscribe({
        next: (services) => {
          try {
            kept.set(diagrams.length + index, new Set(nodesOf('contents', root, services).keys()));
          } catch (error) {
            upcoming.error(error);
          }
        },
        error: (error: unknown) => upcoming.error(error),
      }),
    );
  }
  for (const { letter, atMs } of steps) {
    timeline.add(
      scheduler.schedule(() => {
        present = letter;
        upcoming.next(letter);
      }, atMs),
    );
  }

  const backend = scriptedBackend(
    server,
    {
      get present() {
        return present;
      },
      upcoming,
    },
    { name: 'marbles', sessionTimeoutMs },
  );
  return {
    ...backend,
    close: (deadlineMs) => {
      timeline.unsubscribe();
      return backend.close(deadlineMs);
    },
    get registered() {
      return log.present;
    },
    get history() {
      return [...log.history];
    },
    get watches() {
      return server.watches;
    },
  };
}
