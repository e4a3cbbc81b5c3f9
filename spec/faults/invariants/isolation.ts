import { of, since } from '../timeline.js';
import { type Invariant, verdict } from './verdict.js';

/** Nothing fails that nobody catches, no stream ends, and the poison beside the good nodes reaches nobody. */
export const isolation: Invariant = (recording) => {
  const now = ({ at }: { readonly at: number }): boolean => at >= recording.from;
  return verdict([
    ...of(recording, 'broke')
      .filter(now)
      .map(({ actor, cause, at }) => `${actor} at ${since(recording, at)}: ${cause}`),
    ...of(recording, 'ended')
      .filter(now)
      .map(({ actor, stream, cause, at }) => `${actor}: ${stream} ended at ${since(recording, at)}: ${cause}`),
    ...of(recording, 'told')
      .filter((told) => now(told) && told.serial === '')
      .map(({ actor, key }) => `${actor} was told of ${key}, which is poison`),
  ]);
};
