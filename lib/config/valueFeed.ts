import { concatMap, defer, distinctUntilChanged, EMPTY, type Observable, of, type SchedulerLike, tap } from 'rxjs';
import { type BackoffOptions, isFatalError, retryWithBackoff, whileConnected } from '../connection/index.js';
import type { ConnectionState, RegistryNode } from '../port/index.js';

/** What a node holds; `undefined` if there is none. */
export type Held = { readonly content: string; readonly version: bigint } | undefined;

/** How a {@link valueFeed} reads. */
export interface FeedOptions {
  /** Told of every failure that will be retried and that retrying alone cannot help. */
  readonly onRefused: (path: string, error: unknown) => void;
  readonly retry?: BackoffOptions;
  readonly scheduler?: SchedulerLike;
}

/** How a {@link valueFeed} reads values. */
export interface ValueFeedOptions extends FeedOptions {
  /** Reads a content; throws if it cannot be read. */
  readonly decode: (data: Uint8Array) => string;
  /** Told of a content that cannot be read, each time that it is met. */
  readonly onUnreadable: (node: RegistryNode, error: unknown) => void;
}

/**
 * Follows what a node holds through every reconnect.
 *
 * ```text
 *  connection   --c-------s--c----    c: connected, s: suspended
 *  node           1---2-?-----3---    ?: cannot be read
 *  valueFeed    --1---2-------3---
 * ```
 *
 * Cold. An outage says nothing, what is there after it is told if it differs. Errors with what can never succeed
 * (`NOT_AUTHORIZED`) as long as nothing was ever read.
 */
export function valueFeed(
  path: string,
  connection: Observable<ConnectionState>,
  options: ValueFeedOptions,
): Observable<Held> {
  const { decode, onUnreadable } = options;
  return untilRead(path, connection, options, (session) => session.watchNode(path)).pipe(
    concatMap((node): Observable<Held> => {
      if (!node) return of(undefined);
      try {
        return of({ content: decode(node.data), version: node.version });
      } catch (error) {
        onUnreadable(node, error);
        return EMPTY;
      }
    }),
    distinctUntilChanged(sameHeld),
  );
}

/** Watches anew on each connection, and whenever a watch fails; errors with what is fatal as long as nothing was read. */
export function untilRead<T>(
  path: string,
  connection: Observable<ConnectionState>,
  { retry, scheduler, onRefused }: FeedOptions,
  watch: Parameters<typeof whileConnected<T>>[0],
): Observable<T> {
  return defer(() => {
    let seen = false;
    return connection.pipe(
      whileConnected((session) =>
        defer(() => watch(session)).pipe(
          tap(() => (seen = true)),
          retryWithBackoff({
            ...retry,
            ...(scheduler && { scheduler }),
            isFatal: (error) => isFatalError(error) && !seen,
            onRetry: (error) => {
              if (isFatalError(error)) onRefused(path, error);
            },
          }),
        ),
      ),
    );
  });
}

/** Whether there is nothing to tell. A store that was restored may give a version twice, so contents count, too. */
export function sameHeld(one: Held, other: Held): boolean {
  return one?.version === other?.version && one?.content === other?.content;
}
