import { catchError, concatMap, EMPTY, from, map, mergeMap, type Observable, of, take, toArray } from 'rxjs';
import { categoryPath, fromNodeName, interfaceOfDirectory, servicePath, type ServiceUrl } from '../dubbo/index.js';
import { RegistryError } from '../errors.js';
import { childOf, nameOf } from '../internal/path.js';
import { redact } from '../internal/redact.js';
import type { Session } from '../port/index.js';
import type { Spot } from './finding.js';

/** One node below a category of a service. */
export interface InspectedNode {
  readonly path: string;
  /** What it says; `undefined` where it cannot be read. */
  readonly url: ServiceUrl | undefined;
  /** The session that holds it, `null` for a persistent one, `undefined` where nobody has looked. */
  readonly owner: string | null | undefined;
}

/** The children of one category of a service, as the server has them. */
export interface InspectedDirectory {
  readonly path: string;
  readonly service: string;
  readonly category: string;
  /** What the list of names takes in an answer of ZooKeeper. */
  readonly bytes: number;
  readonly nodes: readonly InspectedNode[];
}

/** All that is in a registry, and where it could not be read. */
export interface Contents {
  readonly directories: readonly InspectedDirectory[];
  readonly spots: readonly Spot[];
}

type Part = { readonly directory: InspectedDirectory } | { readonly spot: Spot };

const CATEGORIES = ['providers', 'consumers'];
const AT_ONCE = 32;
/** Owners are looked for one node at a time: in larger directories nobody looks. */
const MOST_OWNERS = 2_000;

/** Reads the providers and consumers of all services. Emits once; errors without a connection. */
export function readContents(session: Session, root: string): Observable<Contents> {
  return listOf(session, root).pipe(
    concatMap((names) => names),
    mergeMap((name) => readService(session, root, name), AT_ONCE),
    catchError((error: unknown) => of({ spot: refusal(root, error) })),
    toArray(),
    map((parts: readonly Part[]) => ({
      directories: parts.flatMap((part) => ('directory' in part ? [part.directory] : [])),
      spots: parts.flatMap((part) => ('spot' in part ? [part.spot] : [])),
    })),
  );
}

function readService(session: Session, root: string, name: string): Observable<Part> {
  let service: string;
  try {
    service = interfaceOfDirectory(name);
    servicePath(root, service);
  } catch (error) {
    return of({ spot: unreadable(childOf(root, name), error) });
  }
  // What Dubbo keeps beside the services.
  if (OTHERS.has(service)) return EMPTY;
  return from(CATEGORIES).pipe(
    mergeMap((category) => {
      // As it is there: somebody may have encoded it in another way than we would.
      const path = childOf(childOf(root, name), category);
      return readDirectory(session, path, service, category).pipe(
        catchError((error: unknown) => of({ spot: refusal(path, error) })),
      );
    }),
  );
}

const OTHERS: ReadonlySet<string> = new Set(['config', 'mapping', 'metadata']);

function readDirectory(session: Session, path: string, service: string, category: string): Observable<Part> {
  return listOf(session, path).pipe(
    concatMap((names) => {
      const bytes = names.reduce((sum, name) => sum + Buffer.byteLength(name) + 4, 0);
      const nodes =
        names.length > MOST_OWNERS
          ? of(names.map((name) => inspected(childOf(path, name), undefined)))
          : from(names).pipe(
              mergeMap((name) => readNode(session, childOf(path, name)), AT_ONCE),
              toArray(),
            );
      return nodes.pipe(map((all) => ({ directory: { path, service, category, bytes, nodes: all } })));
    }),
  );
}

function readNode(session: Session, path: string): Observable<InspectedNode> {
  return session.read(path).pipe(
    // One that has gone meanwhile is nobody's concern.
    mergeMap((node) => (node ? [inspected(path, node.owner ?? null)] : [])),
    // Its name can be seen all the same.
    catchError((error: unknown) => {
      if (isRefusal(error)) return of(inspected(path, undefined));
      throw error;
    }),
  );
}

function inspected(path: string, owner: string | null | undefined): InspectedNode {
  try {
    return { path, url: fromNodeName(nameOf(path)), owner };
  } catch {
    return { path, url: undefined, owner };
  }
}

/** With the children that have no node of their own, as a role on a prefix of etcd leaves them. */
function listOf(session: Session, path: string): Observable<readonly string[]> {
  return session.watchDirectory(path, { implied: true }).pipe(
    take(1),
    map((change) => (change.type === 'snapshot' ? change.names : [])),
  );
}

function isRefusal(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'NOT_AUTHORIZED';
}

/** A place that we may not read; everything else is an end of the whole. */
function refusal(path: string, error: unknown): Spot {
  if (!isRefusal(error)) throw error;
  return { id: 'RIGHT_MISSING', where: redact(path), detail: 'may not be read' };
}

function unreadable(path: string, error: unknown): Spot {
  return { id: 'UNREADABLE_NODE', where: redact(path), detail: error instanceof Error ? error.message : String(error) };
}

/** The directory of a service that nobody has, for trying whether we may write. */
export function trialDirectory(root: string, service: string): string {
  return categoryPath(root, service, 'providers');
}
