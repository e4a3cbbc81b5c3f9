import { RegistryError } from '../errors.js';
import type { RegistryNode } from './session.js';

/**
 * A node that was to be made is there already, and is known: who wants to take it over need not read it.
 *
 * Only its owner and version are known, not its content.
 */
export class NodeExistsError extends RegistryError {
  readonly node: RegistryNode;
  /** Where in the order of all that the session tells this belongs; `undefined` where that is not known. */
  readonly position: bigint | undefined;

  constructor(message: string, node: RegistryNode, position?: bigint) {
    super('NODE_EXISTS', message);
    this.node = node;
    this.position = position;
  }
}
