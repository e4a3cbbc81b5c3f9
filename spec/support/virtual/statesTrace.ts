import type { Observable, SchedulerLike } from 'rxjs';
import { type ConnectionState, type ConnectionStatus, isLegalTransition } from '../../../lib/port/index.js';

/** Every state that a connection told, with its time, each checked against the one before it. */
export class StatesTrace {
  readonly trace: { readonly at: number; readonly state: ConnectionState }[] = [];
  /** What broke "legal states". */
  readonly flaws: string[] = [];
  completed = false;
  error: unknown;

  constructor(states: Observable<ConnectionState>, clock: Pick<SchedulerLike, 'now'>) {
    states.subscribe({
      next: (state) => {
        const { last } = this;
        if (!isLegalTransition(last, state)) this.flaws.push(`${last?.status ?? 'nothing'} → ${state.status}`);
        this.trace.push({ at: clock.now(), state });
      },
      error: (error: unknown) => void (this.error = error),
      complete: () => void (this.completed = true),
    });
  }

  get last(): ConnectionState | undefined {
    return this.trace.at(-1)?.state;
  }

  get status(): ConnectionStatus | undefined {
    return this.last?.status;
  }

  get statuses(): ConnectionStatus[] {
    return this.trace.map(({ state }) => state.status);
  }

  /** When a status was told last. */
  at(status: ConnectionStatus): number | undefined {
    return this.trace.findLast(({ state }) => state.status === status)?.at;
  }

  /** The id of the session of the last state that had one. */
  get sessionId(): string | undefined {
    const state = this.trace.findLast((entry) => 'session' in entry.state)?.state;
    return state && 'session' in state ? state.session.id : undefined;
  }
}
