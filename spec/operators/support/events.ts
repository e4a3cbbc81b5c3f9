import fc from 'fast-check';
import type { ServiceEvent } from '../../../lib/instances/index.js';
import { instance, keyOf } from './sets.js';

export const added = (letter: string): ServiceEvent => ({ type: 'add', key: keyOf(letter), service: instance(letter) });

export const deleted = (letter: string): ServiceEvent => ({
  type: 'delete',
  key: keyOf(letter),
  service: instance(letter),
});

export const updated = (previous: string, letter: string): ServiceEvent => ({
  type: 'update',
  key: keyOf(letter),
  service: instance(letter),
  previous: instance(previous),
});

/** Any legal stream of events: what happens to three instances, one thing at a time. */
export const legalEvents: fc.Arbitrary<ServiceEvent[]> = fc
  .array(fc.tuple(fc.constantFrom(...'abc'), fc.boolean()), { maxLength: 40 })
  .map((steps) => {
    const present = new Map<string, string>();
    return steps.map(([letter, isGoing]) => {
      const was = present.get(letter);
      if (was !== undefined && isGoing) {
        present.delete(letter);
        return deleted(was);
      }
      const now = was === letter ? letter.toUpperCase() : letter;
      present.set(letter, now);
      return was === undefined ? added(letter) : updated(was, now);
    });
  });

/** Whether each event may come after those before it; returns what they add up to. */
export function foldLegally(events: readonly ServiceEvent[]): Map<string, string> {
  const present = new Map<string, string>();
  for (const event of events) {
    const was = present.get(event.key);
    const text = event.service.toString();
    if ((event.type === 'add') !== (was === undefined)) throw new Error(`${event.type} of ${event.key}`);
    if (event.type === 'update' && event.previous.toString() !== was) throw new Error(`update of another ${event.key}`);
    if (event.type === 'delete' && text !== was) throw new Error(`delete of another ${event.key}`);
    if (event.type === 'delete') present.delete(event.key);
    else present.set(event.key, text);
  }
  return present;
}
