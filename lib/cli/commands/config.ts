import { readFile } from 'node:fs/promises';
import { endWith, firstValueFrom, ignoreElements, lastValueFrom, takeUntil, tap, timeout } from 'rxjs';
import { InvalidOptionError, RegistryError } from '../../errors.js';
import { printable } from '../../internal/printable.js';
import { quoted } from '../../internal/quoted.js';
import type { ConfigValue } from '../../config/configValue.js';
import type { Context } from '../context.js';
import { diff } from '../diff.js';
import { EXIT_CODES, type ExitCode } from '../exitCodes.js';

/** Which key is meant. */
export interface ConfigOptions {
  readonly group?: string;
}

/** How a value is changed. */
export interface WriteOptions extends ConfigOptions {
  readonly file?: string;
  readonly ifVersion?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Prints what a key holds. */
export async function configGet(context: Context, key: string, { group }: ConfigOptions): Promise<ExitCode> {
  const { output } = context;
  const value = await context.config().get(key, { group });
  if (output.isJson) output.record(recordOf(key, group, value));
  else if (!value.present) output.note(`${quoted(key)} holds nothing.`);
  // On a terminal nothing of it may be obeyed; into a file or a program it goes as it is.
  else output.raw(output.isLive ? `${shown(value.content)}\n` : value.content);
  return value.present ? EXIT_CODES.ok : EXIT_CODES.absent;
}

/** Publishes a value, after it has shown what that changes. */
export async function configSet(
  context: Context,
  key: string,
  content: string | undefined,
  options: WriteOptions,
): Promise<ExitCode> {
  const { output, terminal } = context;
  const next = await contentOf(context, content, options);
  const { group } = options;
  const current = await context.config().get(key, { group });
  if (current.content === next) {
    output.note(`${quoted(key)} holds that already.`);
    return EXIT_CODES.ok;
  }
  showChange(context, current.content, next);
  if (options.dryRun) return EXIT_CODES.ok;
  if (!options.yes && content !== undefined && (await terminal.confirm(`Publish ${quoted(key)}?`)) === false) {
    return EXIT_CODES.conflict;
  }
  const expected = versionOf(options) ?? current.version ?? 'absent';
  const ifVersion = options.force ? undefined : expected;
  const value = await context.config().publish(key, next, { group, ifVersion });
  if (output.isJson) output.record(recordOf(key, group, value));
  else output.line(`published ${quoted(key)}, version ${value.version}`);
  return EXIT_CODES.ok;
}

/** Removes a value, after it has shown what goes. */
export async function configRemove(context: Context, key: string, options: WriteOptions): Promise<ExitCode> {
  const { output, terminal } = context;
  const { group } = options;
  const current = await context.config().get(key, { group });
  if (!current.present) {
    output.note(`${quoted(key)} holds nothing.`);
    return EXIT_CODES.absent;
  }
  showChange(context, current.content, undefined);
  if (options.dryRun) return EXIT_CODES.ok;
  if (!options.yes && (await terminal.confirm(`Remove ${quoted(key)}?`)) === false) return EXIT_CODES.conflict;
  const expected = versionOf(options) ?? current.version;
  if (expected === 'absent') throw new InvalidOptionError('if-version', 'a version', expected);
  const ifVersion = options.force ? undefined : expected;
  await context.config().remove(key, { group, ifVersion });
  if (output.isJson) output.record({ key, ...(group && { group }), present: false });
  else output.line(`removed ${quoted(key)}`);
  return EXIT_CODES.ok;
}

/** Prints what a key holds and every change, until it is stopped. */
export async function configWatch(context: Context, key: string, { group }: ConfigOptions): Promise<ExitCode> {
  const { output, terminal } = context;
  const values = context.config().watch(key, { group });
  const printed = values.pipe(
    tap((value) => {
      const at = new Date().toISOString();
      if (output.isJson) output.record({ at, ...recordOf(key, group, value) });
      else
        output.line(value.present ? `${at} version ${value.version}\n${shown(value.content)}` : `${at} holds nothing`);
    }),
  );
  await lastValueFrom(printed.pipe(ignoreElements(), takeUntil(terminal.interrupts), endWith(undefined)));
  return EXIT_CODES.ok;
}

/** Prints the keys of a group. */
export async function configKeys(context: Context, { group }: ConfigOptions): Promise<ExitCode> {
  const { output } = context;
  for (const key of await keysOf(context, group)) {
    if (output.isJson) output.record({ key, ...(group && { group }) });
    else output.line(printable(key, Infinity));
  }
  return EXIT_CODES.ok;
}

/** The keys of a group, sorted. Rejects with `TIMEOUT`. */
export async function keysOf(context: Context, group: string | undefined): Promise<string[]> {
  const { timeoutMs } = context;
  const keys = context
    .config()
    .keys(group)
    .pipe(
      timeout({
        first: timeoutMs,
        with: () => {
          throw new RegistryError('TIMEOUT', `Waited ${timeoutMs} ms for the keys.`);
        },
      }),
    );
  return [...(await firstValueFrom(keys))].sort();
}

async function contentOf({ terminal }: Context, content: string | undefined, { file }: WriteOptions): Promise<string> {
  if (content !== undefined && file !== undefined) {
    throw new InvalidOptionError('file', 'left out where the content is an argument', file);
  }
  if (content !== undefined) return content;
  if (file === undefined || file === '-') return terminal.read();
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new InvalidOptionError(
      'file',
      'a file that can be read',
      `${file} (${(error as NodeJS.ErrnoException).code})`,
    );
  });
}

function versionOf({ ifVersion }: WriteOptions): bigint | 'absent' | undefined {
  if (ifVersion === undefined || ifVersion === 'absent') return ifVersion;
  if (!/^\d{1,19}$/.test(ifVersion)) throw new InvalidOptionError('if-version', 'a version, or "absent"', ifVersion);
  return BigInt(ifVersion);
}

function showChange({ output }: Context, before: string | undefined, after: string | undefined): void {
  for (const { sign, text } of diff(before, after)) {
    const line = `${sign} ${printable(text, 500)}`;
    output.note(sign === ' ' ? line : output.paint(sign === '+' ? 'good' : 'bad', line));
  }
}

function shown(content: string): string {
  return content
    .split('\n')
    .map((line) => printable(line, Infinity))
    .join('\n');
}

function recordOf(key: string, group: string | undefined, value: ConfigValue): object {
  const { present, content, version } = value;
  return { key, ...(group && { group }), present, ...(present && { content, version: String(version) }) };
}
