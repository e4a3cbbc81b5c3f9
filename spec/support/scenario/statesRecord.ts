import type { Observable } from 'rxjs';
import { type ConnectionState, type ConnectionStatus, isLegalTransition } from '../../../lib/backend.js';

/** Everything that was told about a connection, with the time of each, as `performance.now()`. */
export class StatesRecord {
  readonly trace: { readonly at: number; readonly state: ConnectionState }[] = [];
  /** What was told against the table of legal transitions. */
  readonly flaws: string[] = [];

  constructor(states: Observable<ConnectionState>) {
    states.subscribe({
      next: (state) => {
        const last = this.last;
        if (!isLegalTransition(last, state)) this.flaws.push(`${last?.status ?? 'nothing'} → ${state.status}`);
        this.trace.push({ at: performance.now(), state });
      },
      // Those who are refused look for it themselves.
      error: () => undefined,
    });
  }

  get last(): ConnectionState | undefined {
    return this.trace.at(-1)?.state;
  }

  /** The names of the states, each attempt to connect left out but for the first of a row. */
  get statuses(): ConnectionStatus[] {
    const all = this.trace.map(({ state }) => state.status);
    return all.filter((status, index) => status !== 'connecting' || all[index - 1] !== status);
  }

  /** When a status was first told, counted from a time; throws if it was not. */
  firstAfter(since: number, status: ConnectionStatus): number {
    const found = this.trace.find(({ at, state }) => at >= since && state.status === status);
    if (!found) throw new Error(`not ${status} since then, but ${this.statuses.join(' → ')}`);
    return found.at - since;
  }
}
