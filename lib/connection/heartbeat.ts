import { defer, exhaustMap, map, type Observable, raceWith, type SchedulerLike, timer } from 'rxjs';
import { clockOf } from '../internal/clock.js';
import type { Link } from './connect.js';
import { late } from './late.js';
import { signOfLife } from './served.js';

/** Shares of the session timeout: between two pings, and after which an answer is late. */
const PING_SHARE = 1 / 6;
const ANSWER_SHARE = 1 / 4;
/** The same while a large request is on its way up: with the time between pings, silence is noticed within two thirds. */
const ANSWER_SHARE_SENDING = 1 / 2;

/**
 * Pings a link for as long as it is subscribed to: emits when each ping that was answered had been sent. Errors with
 * `TIMEOUT` when an answer is late, or as the ping does.
 *
 * There are two clocks, and bytes move only one of them.
 *
 * **Is the connection working?** An answer waits behind everything that the server was asked for before, such as the names of
 * a large directory. As long as bytes flow the connection works, and nobody gains by dropping it: what was downloaded would
 * be thrown away, and asked for again. So the deadline of an answer counts from the last bytes. Of a request that takes long
 * to send we see nothing, because the kernel takes it at once: while one is on its way, the deadline is twice as long.
 *
 * **Does the session live?** The server keeps it for one session timeout after it has *read* a request of ours. It reads and
 * writes on two ways: bytes that arrive may have been written, into the buffers of kernels and proxies, before our last
 * pings were swallowed on their way up, or by a server that has stopped since. They say nothing about what the server has
 * read. Only the answer to a ping does, and it says no more than that the server has read it after it was sent. So that is
 * what is emitted, and nothing else moves the moment when the session counts as lost.
 */
export function heartbeat(link: Link, scheduler: SchedulerLike): Observable<number> {
  const { timeoutMs } = link.session;
  const clock = clockOf(scheduler);
  const ping = defer(() => {
    const sentAt = clock.now();
    const share = link.isSending?.() ? ANSWER_SHARE_SENDING : ANSWER_SHARE;
    return signOfLife(link).pipe(
      raceWith(late(timeoutMs * share, 'No answer to a ping', scheduler, link.bytes)),
      map(() => sentAt),
    );
  });
  return timer(timeoutMs * PING_SHARE, timeoutMs * PING_SHARE, scheduler).pipe(exhaustMap(() => ping));
}
