import type { RegistryNode } from '../../port/index.js';

/** What is known of a node: nothing yet, that there is none, or the node. */
export type Observed = 'unknown' | 'absent' | RegistryNode;

/** What shall become of a node: it shall be there, or not. */
export type Desired = 'present' | 'absent';

/** All that {@link decide} looks at. */
export interface Situation {
  readonly desired: Desired;
  readonly observed: Observed;
  /** The session that acts. */
  readonly sessionId: string;
  /** Whether the node shall go with the session. */
  readonly ephemeral: boolean;
  /** Whether this session has never acted on the node, so that nothing of its own can be there. */
  readonly fresh: boolean;
  /** Whether this session has held the node: another owner then took it from us, and lives. */
  readonly held: boolean;
  /** Whether a write of this session was never answered: it may yet be carried out, however late. */
  readonly unanswered: boolean;
}

/** What to do next about one node. */
export type Action =
  /** Find out what is there. */
  | 'look'
  /** Make the node. */
  | 'create'
  /** Replace a node that a dying session left, in one step, so that it cannot take ours along. */
  | 'takeOver'
  /** Leave the node to a living twin, and report it. */
  | 'yield'
  /** It stands: keep watching it. */
  | 'hold'
  /** Take it back. */
  | 'remove'
  /** Nothing of ours is left. */
  | 'done';

/**
 * Decides what brings a node from what is observed to what is desired: a total function, so a table.
 *
 * | desired | unknown | absent | mine | another's |
 * | --- | --- | --- | --- | --- |
 * | present | create (fresh), look | create | hold | takeOver, yield (held, to a session) |
 * | absent | look | done, remove (unanswered) | remove | done |
 *
 * "Mine" is a node of this session, or for a persistent registration any persistent node.
 */
export function decide(situation: Situation): Action {
  const { desired, observed, sessionId, ephemeral, fresh, held, unanswered } = situation;
  if (observed === 'unknown') return desired === 'present' && fresh ? 'create' : 'look';
  if (observed === 'absent') {
    if (desired === 'present') return 'create';
    return unanswered ? 'remove' : 'done';
  }
  const mine = observed.owner === (ephemeral ? sessionId : undefined);
  if (desired === 'absent') return mine ? 'remove' : 'done';
  if (mine) return 'hold';
  // One take-over a session is enough: it was for a twin that dies. One that takes the node back lives, and two who
  // both insist would fight for ever. Behind a persistent node nobody lives: left there, it would outlive us for ever.
  return held && observed.owner !== undefined ? 'yield' : 'takeOver';
}
