import { RegistryError } from '../errors.js';

/** Methods that may be carried out twice: to try again does no harm. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** What says that no connection was made, so that nothing was sent. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  // Bun.
  'ConnectionRefused',
]);

/** An answer that says that the server, or the one behind it, cannot serve now. */
export class Unserved extends Error {
  readonly response: Response;

  constructor(response: Response) {
    super(`The server answered ${response.status}.`);
    this.response = response;
  }
}

/** Whether a request that failed may be sent again. */
export function mayRetry(error: unknown, method: string): boolean {
  // Of the picker: it has waited for an instance already, or its time is up.
  if (error instanceof RegistryError) return false;
  if (isIdempotent(method)) return true;
  return !(error instanceof Unserved) && codesOf(error).some((code) => NOT_SENT.has(code));
}

/** Whether a method may be carried out twice. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method.toUpperCase());
}

/** The codes of an error, its causes, and those of the addresses of one name. */
function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const { code } = error as { code?: unknown };
  const parts = error instanceof AggregateError ? error.errors : [];
  return [...(typeof code === 'string' ? [code] : []), ...[error.cause, ...(parts as unknown[])].flatMap(codesOf)];
}
