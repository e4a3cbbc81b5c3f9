export { NodeHold } from './nodeHold.js';
export type { NodeEffect, NodeEvent, NodeStep } from './nodeEvents.js';
export { canMove, nodeReducer } from './nodeReducer.js';
export { isOwn, newRecord, type DesiredNode, type NodeRecord, type NodeStatus, type Observed } from './nodeRecord.js';
export { reconcile, type ReconcileOptions } from './reconcile.js';
export { register, type RegistrationContext } from './register.js';
export { type HeldNode, Registrations, type RegistrationsOptions } from './registrations.js';
export type { RegistrationState } from './registrationState.js';
export { ReleasedNodes } from './releasedNodes.js';
