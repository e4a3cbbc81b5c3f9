import { InvalidOptionError } from '../errors.js';
import { DURATION, toMs } from './duration.js';

/** One letter of a marble diagram. */
export interface Marble {
  readonly letter: string;
  /** When it is, in milliseconds after the beginning. */
  readonly atMs: number;
  /** Which character of the diagram it is, counted from 1. */
  readonly position: number;
}

/** Letters that mean something in diagrams of other kinds, where it would be easy to take one for another. */
const RESERVED = '|^!';

/**
 * Reads a marble diagram as RxJS reads one inside `run`: each character takes a millisecond, white space none, a duration
 * between spaces (`30s`, `1.5m`, `200ms`) what it says, and letters in parentheses are at the moment of the opening one.
 *
 * @param letters - Letters that mean something here though they usually do not.
 * @throws InvalidOptionError naming the position of what cannot be read.
 */
export function readMarbles(option: string, diagram: string, letters = ''): readonly Marble[] {
  if (typeof diagram !== 'string') throw new InvalidOptionError(option, 'a marble diagram', diagram);
  const refuse = (flaw: string): InvalidOptionError =>
    new InvalidOptionError(option, `a marble diagram; ${flaw}`, diagram);
  const marbles: Marble[] = [];
  let atMs = 0;
  let groupedAt: number | undefined;
  // A word that is a duration, or else a single character.
  for (const { 0: token, index } of diagram.matchAll(/(?<!\S)\d[\d.]*m?s?(?!\S)|\s|[^]/gu)) {
    const position = index + 1;
    if (DURATION.test(token)) {
      if (groupedAt !== undefined) throw refuse(`the group that is open at character ${position} can hold no time`);
      atMs += toMs(option, token);
    } else if (/\s/.test(token)) {
      continue;
    } else if (token === '(') {
      if (groupedAt !== undefined) throw refuse(`character ${position} opens a group inside another`);
      groupedAt = atMs;
      atMs += 1;
    } else if (token === ')') {
      if (groupedAt === undefined) throw refuse(`character ${position} closes a group that was not opened`);
      groupedAt = undefined;
      atMs += 1;
    } else if (token === '-') {
      atMs += 1;
    } else if (RESERVED.includes(token) && !letters.includes(token)) {
      throw refuse(`\`${token}\` at character ${position} means nothing here`);
    } else if (/^[\d.]/.test(token)) {
      throw refuse(`\`${token}\` at character ${position} is no duration such as 10ms, 1.5s or 2m between spaces`);
    } else {
      marbles.push({ letter: token, atMs: groupedAt ?? atMs, position });
      atMs += 1;
    }
  }
  if (groupedAt !== undefined) throw refuse('the last group is not closed');
  return marbles;
}
