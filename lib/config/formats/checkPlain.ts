const DEEPEST = 100;

/**
 * Refuses a parsed value that would harm who handles it: nested more than 100 deep or in a circle, with too many values once
 * aliases are written out, or with a `__proto__` that a careless copy would take for a prototype.
 *
 * @param most - How many values there may be.
 * @throws Error that says which of these.
 */
export function checkPlain(value: unknown, most: number): void {
  let left = most;
  const check = (part: unknown, depth: number): void => {
    if (--left < 0) throw new Error(`it has more than ${most} values, with its aliases written out.`);
    if (typeof part !== 'object' || part === null) return;
    if (depth === DEEPEST) throw tooDeep();
    if (Array.isArray(part)) for (const inner of part) check(inner, depth + 1);
    else if (Object.hasOwn(part, '__proto__')) throw new Error('it has a key named "__proto__".');
    else for (const inner of Object.values(part)) check(inner, depth + 1);
  };
  check(value, 0);
}

/** How deep a text may be nested, for parsers that can be told. */
export const MAX_DEPTH = DEEPEST;

/** The same refusal as that of {@link checkPlain}, for what a parser found. */
export function tooDeep(): Error {
  return new Error(`it is nested more than ${DEEPEST} deep.`);
}
