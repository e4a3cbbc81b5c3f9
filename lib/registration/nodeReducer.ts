import { isFatalError } from '../connection/index.js';
import { RegistryError } from '../errors.js';
import { isAnswer } from '../internal/isAnswer.js';
import { parentOf } from '../internal/path.js';
import { quoted } from '../internal/quoted.js';
import {
  type ConnectionState,
  NodeExistsError,
  type NodeState,
  type RegistryNode,
  type Session,
} from '../port/index.js';
import type { NodeEvent, NodeStep } from './nodeEvents.js';
import {
  type Desired,
  isOwn,
  NEVER_OBSERVED,
  type NodeRecord,
  type NodeStatus,
  type Observed,
  PENDING,
  type Phase,
  RELEASED,
} from './nodeRecord.js';

/**
 * Decides about one node: what is known after an event, and what is to be done. Pure and total.
 *
 * While nothing is under way, what is desired and what was observed decide:
 *
 * | desired | unknown | absent | ours | ours, other content | another's |
 * | --- | --- | --- | --- | --- | --- |
 * | present | create (fresh), else watch | create | replaceOthers (once), else watch | write | takeOver; watch (held, and it belongs to a session) |
 * | absent | watch | forget; remove (unanswered) | remove | remove | forget |
 * | asIs | forget (fresh and ephemeral), else watch | forget; watch (unanswered) | watch | watch | forget |
 *
 * "Ours" is a node of this session or, for a persistent one, any persistent node. `fresh`: this session has not acted yet, so
 * nothing of its own can be there. `held`: this session has held the node, so whoever took it lives: it is left to them.
 * `unanswered`: a write of this session was never answered, and may be carried out yet.
 *
 * | event | offline | idle | an operation is under way | wait |
 * | --- | --- | --- | --- | --- |
 * | connected | decide | decide | decide | decide |
 * | disconnected, refused | status | offline | offline | offline |
 * | wanted, changed | status | decide | is decided about after it | read |
 * | seen | – | decide | is decided about after it | is decided about after it |
 * | answered, replaced | – | – | decide | – |
 * | failed | – | – | wait; read where something else was there than was thought | – |
 * | waited | – | – | – | read |
 * | watchFailed, watchDue | – | watchLater, watch | watchLater, watch | watchLater, watch |
 *
 * Whatever tells what the node is carries a position; what is older than what is known changes nothing. Errors with what can
 * never succeed, as long as it never has.
 */
export function nodeReducer(record: NodeRecord, event: NodeEvent): NodeStep {
  if (record.phase === 'over') return [record];
  switch (event.type) {
    case 'connected':
      return decide(begun(record, event.session));
    case 'disconnected':
      return [interrupted(record, event.state)];
    case 'refused':
      return [failed(record, event.error)];
    case 'wanted':
      return wanted(record, event.desired);
    case 'changed':
      return soon({ ...record, data: event.data });
    case 'seen':
      return record.phase === 'offline' ? [record] : whenIdle({ ...observed(record, event.state), watchFailures: 0 });
    case 'watchFailed':
      return watchFailed(record, event.error);
    case 'watchDue':
      return record.watching === 'again later' ? [{ ...record, watching: 'yes' }, 'watch'] : [record];
    case 'answered':
      return isUnderWay(record) ? answered(record, event.state) : [record];
    case 'replaced':
      return record.phase === 'replaceOthers' ? decide({ ...record, phase: 'idle', replaced: true }) : [record];
    case 'failed':
      return isUnderWay(record) ? operationFailed(record, event.error) : [record];
    case 'waited':
      return record.phase === 'wait' ? [{ ...record, phase: 'read' }, 'read'] : [record];
    case 'moving':
      return record.phase === 'idle' ? [{ ...record, phase: 'moving' }] : [record];
    case 'moved': {
      if (record.phase !== 'moving') return [record];
      const { position } = event;
      return decide({
        ...(position === undefined ? record : observed(record, { node: undefined, position })),
        phase: 'idle',
      });
    }
  }
}

/** Whether a node can take another one's place in one transaction. */
export function canMove(from: NodeRecord, to: NodeRecord): boolean {
  return (
    from.phase === 'idle' &&
    from.desired === 'present' &&
    from.session === to.session &&
    from.ephemeral &&
    to.ephemeral &&
    from.path !== to.path &&
    parentOf(from.path) === parentOf(to.path) &&
    typeof from.observed === 'object' &&
    isOwn(from, from.observed)
  );
}

function decide(record: NodeRecord): NodeStep {
  const { desired, observed: known, fresh, ephemeral } = record;
  if (known === 'unknown') {
    if (desired === 'present' && fresh) return beginOwning(record, 'create');
    return desired === 'asIs' && fresh && ephemeral ? forget(record) : watch(record);
  }
  const isUnanswered = ephemeral && record.unanswered > 0;
  if (known === 'absent') {
    if (desired === 'present') return beginOwning(record, 'create');
    if (!isUnanswered) return forget(record);
    return desired === 'absent' ? begin(record, 'remove') : watch(record);
  }
  const isOurs = isOwn(record, known);
  if (desired === 'absent') return isOurs ? begin(record, 'remove') : forget(record);
  if (isOurs) return hold(record, known);
  if (desired === 'asIs') return forget(record);
  // One take-over for each session is enough: it was for a session that ends. A process that takes the node back lives, and two
  // that insist would never end. Behind a persistent node there is no process: left there, it would outlive us for good.
  if (record.held && known.owner !== undefined) return yieldTo(record, known);
  return beginOwning(record, 'takeOver');
}

function begin(record: NodeRecord, operation: 'create' | 'takeOver' | 'write' | 'remove' | 'replaceOthers'): NodeStep {
  return [{ ...record, phase: operation, expected: record.observed }, operation];
}

/** What makes a node ours is counted until it is answered. */
function beginOwning(record: NodeRecord, operation: 'create' | 'takeOver'): NodeStep {
  return begin({ ...record, fresh: false, touched: true, unanswered: record.unanswered + 1 }, operation);
}

function hold(record: NodeRecord, node: RegistryNode): NodeStep {
  if (record.replacesOthers && !record.ephemeral && !record.replaced) {
    return begin(record, 'replaceOthers');
  }
  const held = { ...record, held: true, standing: node };
  if (record.desired === 'present' && record.data && !sameBytes(record.data, node.data)) return begin(held, 'write');
  return watch(told({ ...held, registered: true }, { status: 'registered', node }));
}

function yieldTo(record: NodeRecord, { owner }: RegistryNode): NodeStep {
  const message = `Another live session, ${owner}, took over ${quoted(record.path)}: left to it until it goes.`;
  const cause = new RegistryError('CONTESTED_REGISTRATION', message);
  return watch(told({ ...record, standing: undefined }, { status: 'pending', cause }));
}

function watch(record: NodeRecord): NodeStep {
  return record.watching === 'no' ? [{ ...record, watching: 'yes' }, 'watch'] : [record];
}

function forget(record: NodeRecord): NodeStep {
  return [ended(record, RELEASED), 'forget'];
}

/** Decides, if nothing is under way. */
function whenIdle(record: NodeRecord): NodeStep {
  return record.phase === 'idle' ? decide(record) : [record];
}

/** Decides as soon as possible: a new wish does not wait for the backoff. */
function soon(record: NodeRecord): NodeStep {
  return record.phase === 'wait' ? [{ ...record, phase: 'read' }, 'read'] : whenIdle(record);
}

function wanted(record: NodeRecord, desired: Desired): NodeStep {
  if (record.desired === desired) return [record];
  const next = { ...record, desired };
  if (desired !== 'present' && !record.touched) return [ended(next, RELEASED)];
  // What held before is not the outcome of a later wish: that is told anew.
  return soon(desired === 'absent' ? told(next, PENDING) : next);
}

function begun(record: NodeRecord, session: Pick<Session, 'id'>): NodeRecord {
  const fresh = record.session !== session;
  return {
    ...record,
    ...(fresh && { session, held: false, standing: undefined, unanswered: 0 }),
    fresh,
    phase: 'idle',
    watching: 'no',
    observed: 'unknown',
    // Positions of another connection cannot be compared.
    position: NEVER_OBSERVED,
    failures: 0,
    watchFailures: 0,
    replaced: false,
    surprise: undefined,
  };
}

function interrupted(
  record: NodeRecord,
  state: Exclude<ConnectionState, { readonly status: 'connected' }>,
): NodeRecord {
  const next: NodeRecord = { ...record, phase: 'offline', watching: 'no', surprise: undefined };
  switch (state.status) {
    case 'suspended':
      return told(next, { status: record.standing ? 'suspended' : 'pending', cause: state.cause });
    case 'lost':
      return told({ ...next, standing: undefined }, { status: 'pending', cause: state.cause });
    case 'connecting':
      return told(next, state.cause ? { status: 'pending', cause: state.cause } : PENDING);
    case 'closed':
      // What is left goes with the session.
      return ended(next, RELEASED);
  }
}

function observed(record: NodeRecord, { node, position }: NodeState): NodeRecord {
  if (position < record.position) return record;
  return {
    ...record,
    observed: node ?? 'absent',
    position,
    ...(node && isOwn(record, node) && { lastOwn: node }),
  };
}

function answered(record: NodeRecord, state: NodeState): NodeStep {
  const next: NodeRecord = { ...observed(record, state), phase: 'idle' };
  switch (record.phase) {
    case 'read':
      // Where it is as was expected, what was refused is a failure like others.
      if (record.surprise !== undefined && sameNode(record.expected, state.node ?? 'absent')) {
        return retry(record, record.surprise);
      }
      return decide({ ...next, surprise: undefined });
    case 'create':
    case 'takeOver':
      return decide({ ...next, failures: 0, unanswered: record.unanswered - 1 });
    case 'remove':
      // From here on it is the session that sees to it that nothing comes late.
      return decide({ ...next, failures: 0, unanswered: 0 });
    default:
      return decide({ ...next, failures: 0 });
  }
}

function operationFailed(record: NodeRecord, error: unknown): NodeStep {
  const { phase } = record;
  const isCounted = phase === 'create' || phase === 'takeOver';
  const next = isCounted && isAnswer(error) ? { ...record, unanswered: record.unanswered - 1 } : record;
  if (error instanceof NodeExistsError && error.position !== undefined && !isOwn(record, error.node)) {
    return decide({ ...observed(next, { node: error.node, position: error.position }), phase: 'idle' });
  }
  return isSurprise(phase, error) ? [{ ...next, phase: 'read', surprise: error }, 'read'] : retry(next, error);
}

/** Waits, and reads: whether the operation was carried out is not known, and only reading tells. */
function retry(record: NodeRecord, error: unknown): NodeStep {
  if (isFatal(record, error)) return [failed(record, error)];
  const cause = error instanceof Error ? error : new Error(String(error));
  const next = told(record, { status: 'pending', cause });
  return [{ ...next, phase: 'wait', failures: record.failures + 1, surprise: undefined }, 'wait'];
}

function watchFailed(record: NodeRecord, error: unknown): NodeStep {
  if (record.watching !== 'yes') return [record];
  if (isFatal(record, error)) return [failed(record, error)];
  const next: NodeRecord = { ...record, watching: 'again later', watchFailures: record.watchFailures + 1 };
  // Not to see a node any more that was seen is not to lose it.
  const isBlind = record.observed === 'unknown' && error instanceof Error;
  const status = record.standing ? 'suspended' : 'pending';
  return [isBlind ? told(next, { status, cause: error }) : next, 'watchLater'];
}

function failed(record: NodeRecord, error: unknown): NodeRecord {
  return ended(record, { status: 'failed', error });
}

function ended(record: NodeRecord, status: NodeStatus): NodeRecord {
  return { ...record, phase: 'over', watching: 'no', status };
}

function told(record: NodeRecord, status: NodeStatus): NodeRecord {
  return sameStatus(record.status, status) ? record : { ...record, status };
}

function isUnderWay({ phase }: NodeRecord): boolean {
  return phase !== 'offline' && phase !== 'idle' && phase !== 'wait' && phase !== 'moving';
}

function isFatal({ registered }: NodeRecord, error: unknown): boolean {
  return isFatalError(error) && !registered;
}

/** Whether the node was not what was expected, which was to be written to, or removed. */
function isSurprise(phase: Phase, error: unknown): boolean {
  if (!(error instanceof RegistryError) || phase === 'read' || phase === 'replaceOthers') return false;
  return error.code === 'NODE_EXISTS' || error.code === 'CONFLICT' || (error.code === 'NO_NODE' && phase === 'write');
}

function sameNode(a: Observed, b: Observed): boolean {
  return typeof a === 'string' || typeof b === 'string' ? a === b : a.version === b.version;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function sameStatus(a: NodeStatus, b: NodeStatus): boolean {
  if (a.status === 'registered' && b.status === 'registered') return a.node.owner === b.node.owner;
  const causeOf = (state: NodeStatus): Error | undefined => ('cause' in state ? state.cause : undefined);
  return a.status === b.status && causeOf(a)?.message === causeOf(b)?.message;
}
