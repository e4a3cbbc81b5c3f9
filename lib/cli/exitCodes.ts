import { ConfigConflictError } from '../config/configErrors.js';
import { InvalidOptionError, InvalidUrlError } from '../errors.js';

/** What the exit codes of the command say; they change only with a major version. */
export const EXIT_CODES = {
  /** It did what it was asked to do, or was stopped while it followed something. */
  ok: 0,
  /** It could not do it: no connection in time, no right, an answer of the server. */
  failed: 1,
  /** It was called in a way that cannot be: an unknown option, a malformed address or URL. */
  usage: 2,
  /** `doctor` has found something that must be mended. */
  findings: 3,
  /** What was asked for is not there: the key of `config get` or `config rm`. */
  absent: 4,
  /** The value was changed by somebody else, or the change was not confirmed: nothing was written. */
  conflict: 5,
} as const;

/** One of {@link EXIT_CODES}. */
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** The exit code of a command that failed with an error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof InvalidUrlError || error instanceof InvalidOptionError) return EXIT_CODES.usage;
  if (error instanceof ConfigConflictError) return EXIT_CODES.conflict;
  return EXIT_CODES.failed;
}
