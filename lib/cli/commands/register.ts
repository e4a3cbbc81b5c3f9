import { endWith, ignoreElements, lastValueFrom, takeUntil, tap } from 'rxjs';
import { printable } from '../../internal/printable.js';
import { shownError } from '../../internal/legible.js';
import { drained } from '../../shutdown/index.js';
import type { RegistrationState } from '../../registration/index.js';
import type { Output } from '../output.js';
import type { Context } from '../context.js';
import { EXIT_CODES, type ExitCode } from '../exitCodes.js';

/** How the command is asked to register. */
export interface RegisterOptions {
  readonly drain?: boolean;
}

/** Registers a URL until it is stopped, and then takes it back. */
export async function register(
  { registry, output, terminal, timeoutMs }: Context,
  url: string,
  { drain = false }: RegisterOptions,
): Promise<ExitCode> {
  const stop = new AbortController();
  const stopping = terminal.interrupts.subscribe(() => stop.abort());
  try {
    const provision = await registry.provide(url, { signal: stop.signal, timeoutMs });
    const states = provision.states.pipe(tap((state) => printState(output, state)));
    await lastValueFrom(states.pipe(ignoreElements(), takeUntil(terminal.interrupts), endWith(undefined)));
    if (drain) {
      const { cutOff } = await drained({ provisions: provision });
      for (const { step, cause } of cutOff) output.note(`${step} was cut off: ${printable(String(cause))}`);
    } else {
      await provision.release();
    }
    print(output, { status: 'released', url: provision.url.toString() });
    return EXIT_CODES.ok;
  } catch (error) {
    // Stopped before it stood: then nothing stays.
    if (stop.signal.aborted && error === stop.signal.reason) return EXIT_CODES.ok;
    throw error;
  } finally {
    stopping.unsubscribe();
  }
}

function printState(output: Output, state: RegistrationState): void {
  const { status, url } = state;
  const cause = 'cause' in state ? state.cause : undefined;
  print(output, { status, url: url.toString(), ...(cause && { cause }) });
}

function print(output: Output, state: { status: string; url: string; cause?: Error }): void {
  const at = new Date().toISOString();
  const { status, url, cause } = state;
  if (output.isJson) output.record({ at, status, url, ...(cause && { cause: shownError(cause) }) });
  else
    output.line(
      `${at.slice(11, 23)} ${status.padEnd(10)} ${printable(cause ? `${url}: ${cause.message}` : url, 2_000)}`,
    );
}
