import { isObservable, type Observable } from 'rxjs';
import { InvalidOptionError } from '../errors.js';
import { readMarbles } from './readMarbles.js';
import { nodesOf, type ServiceList } from './serviceList.js';

/** The paths of the nodes that a line of a script wants from a moment on. */
export interface ContentsStep {
  readonly atMs: number;
  readonly paths: ReadonlySet<string>;
}

/** What a registry holds in the course of time: a marble diagram of letters that stand for lists, or lists as a stream. */
export type ContentsLine = string | Observable<ServiceList>;

/** Lists of services by the letters that stand for them. */
export type ServiceListsByLetter = Readonly<Record<string, ServiceList>>;

/**
 * Reads lines of contents.
 *
 * @returns The steps of those that are diagrams, and the others.
 * @throws InvalidOptionError for what cannot be read, and for letters that nothing is given for.
 */
export function readContentsScript(
  lines: ContentsLine | readonly ContentsLine[],
  values: ServiceListsByLetter,
  root: string,
): { readonly diagrams: readonly (readonly ContentsStep[])[]; readonly streams: readonly Observable<ServiceList>[] } {
  if (typeof values !== 'object' || values === null) {
    throw new InvalidOptionError('values', 'lists of service URLs by letter', values);
  }
  const lists = new Map<string, ReadonlySet<string>>();
  for (const [letter, services] of Object.entries(values)) {
    lists.set(letter, new Set(nodesOf(`values.${letter}`, root, services).keys()));
  }
  const diagrams: ContentsStep[][] = [];
  const streams: Observable<ServiceList>[] = [];
  const all: readonly ContentsLine[] = Array.isArray(lines) ? lines : [lines as ContentsLine];
  for (const line of all) {
    if (isObservable(line)) {
      streams.push(line);
      continue;
    }
    const marbles = readMarbles('contents', line);
    diagrams.push(
      marbles.map(({ letter, atMs, position }) => {
        const paths = lists.get(letter);
        if (paths) return { atMs, paths };
        throw new InvalidOptionError(
          'contents',
          `a marble diagram of letters that \`values\` has; \`${letter}\` at character ${position} is none of ${[...lists.keys()].join(', ') || 'them: there are none'}`,
          line,
        );
      }),
    );
  }
  return { diagrams, streams };
}
