import { outcomeOf } from './outcomeOf.js';

/** Whether an error is the answer of a server that is alive, after which nothing of the operation comes any more. */
export function isAnswer(error: unknown): boolean {
  return outcomeOf(error) !== 'unanswered';
}
