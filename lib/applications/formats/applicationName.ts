import { isName } from '../../dubbo/index.js';
import { quoted } from '../../internal/quoted.js';

/** What Java accepts as the name of an application. */
const WRITABLE = /^[\w.-]{1,200}$/;

/** What stands beside the applications, in the same directory, with another meaning. */
const RESERVED: ReadonlySet<string> = new Set(['.', '..', 'config', 'mapping', 'metadata']);

/** Why an application cannot be registered by that name, as a sentence; `undefined` if it can. */
export function flawOfApplication(name: string): string | undefined {
  if (WRITABLE.test(name) && !RESERVED.has(name)) return undefined;
  return (
    `Expected the name of an application to be 1 to 200 letters, digits, ".", "_" and "-", and none of ` +
    `${[...RESERVED].map((word) => `"${word}"`).join(', ')}, got ${quoted(name)}.`
  );
}

/** Whether an application that somebody names can have a directory. */
export function isApplicationName(name: string): boolean {
  return isName(name) && !RESERVED.has(name) && !name.includes(',');
}
