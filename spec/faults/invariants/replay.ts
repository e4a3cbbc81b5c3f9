import type { Recording } from '../recording.js';
import { type Moment, momentsOf, since } from '../timeline.js';

/** What consumers were told that the history of the servers does not bear out. */
export interface Replayed {
  /** An instance was taken away that never was away. */
  readonly unfoundedDeletes: readonly string[];
  /** An instance was told as it was not, or had been before what was told already. */
  readonly unfoundedNews: readonly string[];
}

/**
 * Walks every consumer's news along the history of the servers: each must be true of some moment not before that of the
 * one before it. Several moments may be told as one, none may be made up, and none comes twice or out of order.
 */
export function replay(recording: Recording): Replayed {
  const moments = momentsOf(recording.changes);
  const positions = new Map<string, number>();
  const unfoundedDeletes: string[] = [];
  const unfoundedNews: string[] = [];
  for (const observation of recording.observations) {
    if (observation.what !== 'told') continue;
    const { actor, key, type, serial, at } = observation;
    const all = moments.get(key) ?? [];
    const position = positions.get(`${actor} ${key}`) ?? 0;
    const found = all.findIndex((moment, index) => index >= position && bearsOut(moment, type, serial));
    if (found >= 0) {
      positions.set(`${actor} ${key}`, found);
      continue;
    }
    // What was wrong before this fault has been judged there.
    if (at < recording.from) continue;
    const text = `${actor} was told ${type} ${serial} of ${key} at ${since(recording, at)}; ${historyOf(recording, all)}`;
    if (type === 'delete') unfoundedDeletes.push(text);
    else unfoundedNews.push(text);
  }
  return { unfoundedDeletes, unfoundedNews };
}

function bearsOut({ nodes }: Moment, type: string, serial: string): boolean {
  return type === 'delete' ? nodes.length === 0 : nodes.some((node) => node.serial === serial);
}

function historyOf(recording: Recording, moments: readonly Moment[]): string {
  const last = moments.slice(-8).map(({ at, revision, nodes }) => {
    const what = nodes.map(({ serial }) => serial).join(' + ') || 'nothing';
    return `${what} from ${since(recording, at)} (${revision})`;
  });
  return `the servers had ${last.join(', ')}`;
}
