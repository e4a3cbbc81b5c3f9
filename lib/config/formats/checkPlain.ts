const DEEPEST = 100;
const LARGEST = 1_000_000;

/**
 * Refuses a parsed value that would harm who handles it: nested more than 100 deep or in a circle, a million values or more
 * once aliases are written out, or with a `__proto__` that a careless copy would take for a prototype.
 *
 * @throws Error that says which of these.
 */
export function checkPlain(value: unknown): void {
  let left = LARGEST;
  const check = (part: unknown, depth: number): void => {
    if (--left < 0) throw new Error(`it has more than ${LARGEST} values.`);
    if (typeof part !== 'object' || part === null) return;
    if (depth === DEEPEST) throw tooDeep();
    if (Object.hasOwn(part, '__proto__')) throw new Error('it has a key named "__proto__".');
    for (const inner of Object.values(part)) check(inner, depth + 1);
  };
  check(value, 0);
}

/** The same refusal, for parsers that must not even be started on such a text. */
export function checkDepth(depth: number): void {
  if (depth > DEEPEST) throw tooDeep();
}

function tooDeep(): Error {
  return new Error(`it is nested more than ${DEEPEST} deep.`);
}
