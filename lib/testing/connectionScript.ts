import { InvalidOptionError } from '../errors.js';
import { type ConnectionStatus, INITIAL_STATUS, LEGAL_TRANSITIONS } from '../port/index.js';
import { type Marble, readMarbles } from './readMarbles.js';

/** What a letter in a diagram of connection states says: a state, or (`#`) that the registry refuses us for good. */
export type ConnectionLetter = 'k' | 'c' | 's' | 'l' | 'x' | '#';

/** One step of a script. */
export interface ConnectionStep {
  readonly letter: ConnectionLetter;
  /** When it happens, in milliseconds after the beginning. */
  readonly atMs: number;
}

/** The letter of each state. */
export const LETTER_OF: Readonly<Record<ConnectionStatus, ConnectionLetter>> = {
  connecting: 'k',
  connected: 'c',
  suspended: 's',
  lost: 'l',
  closed: 'x',
};

const STATUS_OF: ReadonlyMap<string, ConnectionStatus> = new Map(
  Object.entries(LETTER_OF).map(([status, letter]) => [letter, status as ConnectionStatus]),
);

const NAMES = [...STATUS_OF].map(([letter, status]) => `${letter} (${status})`).join(', ');

/**
 * Reads a diagram of connection states, and holds it to the table of legal transitions.
 *
 * It begins connecting, so a `k` at its beginning changes nothing, and a `c` after an `l` stands for `k` and `c` at once.
 *
 * @throws InvalidOptionError naming the position of the letter that cannot stand there, and those that could.
 */
export function readConnectionScript(option: string, diagram: string): readonly ConnectionStep[] {
  const steps: ConnectionStep[] = [];
  let status: ConnectionStatus | undefined = INITIAL_STATUS;
  let last: Marble | undefined;
  for (const marble of readMarbles(option, diagram)) {
    const { letter, atMs, position } = marble;
    const refuse = (flaw: string): InvalidOptionError =>
      new InvalidOptionError(
        option,
        `a legal trace of connection states; \`${letter}\` at character ${position} ${flaw}`,
        diagram,
      );
    if (letter !== '#' && !STATUS_OF.has(letter)) throw refuse(`is none of ${NAMES}, # (refused for good)`);
    if (status === undefined) throw refuse('comes after #, which is final');
    const next = STATUS_OF.get(letter);
    const following = followers(status);
    if (!following.includes(letter)) {
      const allowed = following.length > 0 ? `after which may come ${following.join(', ')}` : 'which is final';
      throw refuse(`cannot follow ${LETTER_OF[status]} (${status}), ${allowed}`);
    }
    if (last?.letter === 'c' && last.atMs === atMs) {
      throw refuse('comes at the same moment as the c before it: a connection lasts for a millisecond at least');
    }
    if (!(steps.length === 0 && letter === 'k' && atMs === 0)) steps.push({ letter: letter as ConnectionLetter, atMs });
    status = next;
    last = marble;
  }
  return steps;
}

function followers(status: ConnectionStatus): readonly string[] {
  const legal = LEGAL_TRANSITIONS[status].map((next): string => LETTER_OF[next]);
  if (status === 'lost') legal.push('c');
  return status === 'connecting' ? [...legal, '#'] : legal;
}
