import assert from 'node:assert/strict';
import { firstValueFrom, type Observable, type Subscription } from 'rxjs';
import { type ErrorCode, RegistryError } from '../errors.js';
import {
  type Backend,
  type ConnectionState,
  type ConnectionStatus,
  type DirectoryChange,
  isLegalTransition,
  type Session,
} from '../port/index.js';
import { eventually } from './eventually.js';

/** How long specs wait for what the server owes at once. */
export const SOON_MS = 15_000;

type StateOf<S extends ConnectionStatus> = Extract<ConnectionState, { status: S }>;

/** Follows the states of a backend and remembers them all. */
export class Probe {
  readonly backend: Backend;
  readonly trace: ConnectionState[] = [];
  completed = false;
  error: unknown;
  readonly #subscription: Subscription;

  constructor(backend: Backend) {
    this.backend = backend;
    this.#subscription = backend.states.subscribe({
      next: (state) => this.trace.push(state),
      error: (error: unknown) => (this.error = error),
      complete: () => (this.completed = true),
    });
  }

  get statuses(): readonly ConnectionStatus[] {
    return this.trace.map((state) => state.status);
  }

  get state(): ConnectionState | undefined {
    return this.trace.at(-1);
  }

  /** Waits until it is in session – in another one than `not` – and gives that. */
  async session(not?: Session): Promise<Session> {
    const { session } = await eventually(
      () => (this.state?.status === 'connected' && this.state.session !== not ? this.state : null),
      { what: `a session, with the trace ${this.#told()}`, withinMs: SOON_MS },
    );
    return session;
  }

  /** Waits for a state of that name, at or after the `from`-th. */
  async reaches<S extends ConnectionStatus>(status: S, from = 0, withinMs = SOON_MS): Promise<StateOf<S>> {
    return eventually(
      () => this.trace.slice(from).find((state): state is StateOf<S> => state.status === status) ?? null,
      { what: `the state ${status}`, withinMs, everyMs: 5 },
    );
  }

  expectLegal(): void {
    this.trace.forEach((state, index) => {
      if (!isLegalTransition(this.trace[index - 1], state)) {
        throw new Error(`An illegal step to the ${index + 1}th state of ${this.#told()}`);
      }
    });
  }

  /** Stops following. */
  leave(): void {
    this.#subscription.unsubscribe();
  }

  #told(): string {
    return this.statuses.join(' → ') || 'of nothing';
  }
}

/** What a stream has told so far. */
export class Recorder<T> {
  readonly values: T[] = [];
  error: unknown;
  readonly #subscription: Subscription;

  constructor(source: Observable<T>) {
    this.#subscription = source.subscribe({
      next: (value) => this.values.push(value),
      error: (error: unknown) => (this.error = error),
    });
  }

  get last(): T | undefined {
    return this.values.at(-1);
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

/** Folds what a directory watch told, and holds it to its grammar. */
export function foldDirectory(changes: readonly DirectoryChange[]): {
  /** The names there are now, sorted. */
  readonly names: readonly string[];
  /** Every name that was there once and then was not. */
  readonly gone: ReadonlySet<string>;
} {
  const names = new Set<string>();
  const gone = new Set<string>();
  changes.forEach((change, index) => {
    if (index === 0) assert.equal(change.type, 'snapshot');
    const removed =
      change.type === 'snapshot' ? [...names].filter((name) => !change.names.includes(name)) : change.removed;
    for (const name of removed) {
      assert.ok(names.delete(name), `${name} was removed without having been there`);
      gone.add(name);
    }
    for (const name of change.type === 'snapshot' ? change.names : change.added) {
      assert.ok(change.type === 'snapshot' || !names.has(name), `${name} was added twice`);
      names.add(name);
    }
  });
  return { names: [...names].sort(), gone };
}

/** Carries an operation out. */
export function ask<T>(operation: Observable<T>): Promise<T> {
  return firstValueFrom(operation);
}

/** Carries an operation out that must be refused; gives the code. */
export async function refusalOf(operation: Observable<unknown>): Promise<ErrorCode> {
  const error: unknown = await firstValueFrom(operation, { defaultValue: undefined }).then(
    (value) => new Error(`It was carried out, and gave ${String(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof RegistryError) return error.code;
  throw error;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(data: Uint8Array | undefined): string | undefined {
  return data && new TextDecoder().decode(data);
}
