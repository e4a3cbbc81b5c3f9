import { RegistryError } from '../errors.js';

/** Whether an error says what became of an operation, rather than that nobody knows. */
export function isAnswer(error: unknown): boolean {
  return error instanceof RegistryError && error.code !== 'CONNECTION_LOST' && error.code !== 'TIMEOUT';
}
