import { bufferTime, catchError, defer, filter, map, merge, type Observable, of, share, takeUntil, timer } from 'rxjs';
import { printable } from '../internal/printable.js';
import { EVERYTHING } from '../overview/index.js';
import type { Registry } from '../registry.js';
import { Fleet, type FleetChanges, type FleetInput } from './fleet.js';
import type { Message } from './messages.js';

/** What comes within this time is told together. */
const BATCH_MS = 200;
/** How long the registry is followed after the last one has left: who loads the page again finds its history. */
const LINGER_MS = 60_000;

/** What a registry tells until `closing` emits, followed once for all who look. */
export class Feed {
  readonly #title: string;
  readonly #changes: Observable<FleetChanges>;
  #fleet = new Fleet();

  constructor(registry: Registry, title: string, closing: Observable<void>) {
    this.#title = title;
    this.#changes = defer(() => {
      const fleet = new Fleet();
      this.#fleet = fleet;
      return inputsOf(registry).pipe(
        bufferTime(BATCH_MS),
        filter((inputs) => inputs.length > 0),
        map((inputs) => fleet.apply(inputs)),
        takeUntil(closing),
      );
    }).pipe(share({ resetOnRefCountZero: () => timer(LINGER_MS) }));
  }

  /**
   * Everything there is, and then what changes.
   *
   * Cold, but the registry is followed once for all. Completes when the registry or the feed is closed; never errors.
   *
   * @param service - The service whose instances are told; none where it is `undefined`.
   */
  messages(service: string | undefined): Observable<Message> {
    return merge(
      // Subscribed to first: it starts the fleet that the snapshot is of, and tells nothing before the first batch is full.
      this.#changes.pipe(
        map((changes) => this.#fleet.messageOf(changes, Date.now(), service)),
        filter((message) => message !== undefined),
      ),
      defer(() => of(this.#fleet.snapshot(Date.now(), this.#title, service))),
    );
  }
}

function inputsOf(registry: Registry): Observable<FleetInput> {
  const states = registry.states.pipe(
    map((state): FleetInput => {
      const cause = 'cause' in state && state.cause ? { cause: printable(state.cause.message) } : {};
      return { kind: 'connection', entry: { status: state.status, at: Date.now(), ...cause } };
    }),
    catchError((error: unknown) => {
      const entry = { status: 'refused', at: Date.now(), cause: printable(messageOf(error)) };
      return of<FleetInput>({ kind: 'connection', entry });
    }),
  );
  const events = registry.subscribe(EVERYTHING, { synced: true }).pipe(
    map((event): FleetInput =>
      event.type === 'synced' ? { kind: 'synced' } : { kind: 'event', at: Date.now(), event },
    ),
    catchError((error: unknown) => of(warning('NOT_FOLLOWED', messageOf(error)))),
  );
  const warnings = registry.warnings.pipe(map(({ code, message }) => warning(code, message)));
  return merge(states, warnings, events);
}

function warning(code: string, message: string): FleetInput {
  return { kind: 'warning', entry: { at: Date.now(), code, message: printable(message, 2_000) } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
