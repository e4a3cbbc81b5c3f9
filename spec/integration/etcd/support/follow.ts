import type { Observable } from 'rxjs';
import { retryWithBackoff, whileConnected } from '../../../../lib/connection/index.js';
import type { DirectoryChange, Session } from '../../../../lib/port/index.js';
import { type Probe, Recorder } from '../../../contract/probe.js';

/** Does a work in every connection of a client, again where it fails, and remembers what it told. */
export function follow<T>(probe: Probe, work: (session: Session) => Observable<T>): Recorder<T> {
  const patiently = retryWithBackoff<T>({ baseMs: 10, maxMs: 50, isFatal: () => false });
  return new Recorder(probe.backend.states.pipe(whileConnected((session) => work(session).pipe(patiently))));
}

/** Watches a directory through every reconnect. */
export function followDirectory(probe: Probe, path: string): Recorder<DirectoryChange> {
  return follow(probe, (session) => session.watchDirectory(path));
}
